# cmake -DENGINE=sim -DFUNCTION=SimBuildInfo -DSOURCE_DIR=.. -DOUT=build_info.cc -DCOMPILER=.. -DLIBRARY=ns3
#       -DLIBRARY_VERSION=.. -DVERSION=.. -P build_info.cmake
# Writes the build info of an engine to OUT, only if it would differ. The engine's room is named as the engine.
set(parts core workloads results experiments ${ENGINE})
set(listing "compiler ${COMPILER}\n")
foreach(part ${parts})
  file(GLOB_RECURSE files RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/${part}/*.h ${SOURCE_DIR}/${part}/*.cc)
  if(part STREQUAL "workloads")
    file(GLOB_RECURSE data RELATIVE ${SOURCE_DIR} ${SOURCE_DIR}/workloads/data/*)
    list(APPEND files ${data})
  elseif(part STREQUAL "results")  # of the results, only how a point is written
    list(FILTER files INCLUDE REGEX "^results/(point_store|record_)")
  elseif(part STREQUAL "experiments")  # of the definitions, only what a point means
    list(FILTER files INCLUDE REGEX "^experiments/(point_spec|plan|schema|value_text|scenario|engine_(group|runner|store))")
  endif()
  list(SORT files)
  foreach(file ${files})
    file(SHA256 ${SOURCE_DIR}/${file} hash)
    string(APPEND listing "${file} ${hash}\n")
  endforeach()
endforeach()
string(SHA256 id "${listing}")
string(SUBSTRING ${id} 0 32 id)

set(commit "")
set(dirty false)
find_package(Git QUIET)
if(GIT_FOUND)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${SOURCE_DIR} rev-parse HEAD OUTPUT_VARIABLE commit
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(commit "")
  else()
    execute_process(COMMAND ${GIT_EXECUTABLE} -C ${SOURCE_DIR} --no-optional-locks status --porcelain
                    OUTPUT_VARIABLE changes ERROR_QUIET)
    if(changes)
      set(dirty true)
    endif()
  endif()
endif()

set(text "// Made by build_info.cmake.
#include \"experiments/build_info.h\"
namespace uhaul {
const BuildInfo& ${FUNCTION}();
const BuildInfo& ${FUNCTION}() {
  static const BuildInfo info{\"${ENGINE}\", \"${id}\", \"${commit}\", ${dirty}, \"${COMPILER}\", \"${LIBRARY}\",
                              \"${LIBRARY_VERSION}\", \"${VERSION}\"};
  return info;
}
}  // namespace uhaul
")
set(old "")
if(EXISTS ${OUT})
  file(READ ${OUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()

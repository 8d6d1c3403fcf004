// Profiles in files: what the control plane of some machine costs, as a person or `uhaul calibrate` wrote it.
//
//   name: this-machine            # what points call it; their identity holds every cost, so the file's place is no
//   part about: One line for people measured: {date: 2026-11-22, commit: 1a2b3c, noise: ...}   # for people get: 2.4us
//   # keys of the schema without "profile.", units mandatory get_batch: 55us               # _batch and _kib: zero if
//   not said; all else is needed control_delay: 12us
//   ...
//
// A definition or --set names the file: `profile.name: ./this-machine.yaml` (a path has a '/' or ends in .yaml); in a
// definition it is relative to that file.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/node/profile.h"

namespace uhaul {

struct ProfileFile {
  Profile profile;
  std::string about;
  std::vector<std::pair<std::string, std::string>> measured;  // in the file's order
};

// Whether a value of profile.name is a file's path.
bool IsProfilePath(std::string_view text);
// Errors read "file:line:column: error: ...".
Result<ProfileFile> LoadProfile(const std::string& path);
// What LoadProfile reads.
std::string ProfileYaml(const ProfileFile& file);
// By a temporary file.
Status WriteProfile(const std::string& path, const ProfileFile& file);

}  // namespace uhaul

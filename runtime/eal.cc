#include "runtime/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "runtime/eal_arguments.h"
#include "runtime/frame.h"

namespace uhaul::runtime {
namespace {

bool g_started = false;

// Maps the same memory again at the same place, copy on write.
int MakePrivate(const rte_memseg_list* list, void* failed) {
  if (list->external != 0) return 0;
  const rte_memseg* first = static_cast<const rte_memseg*>(rte_fbarray_get(&list->memseg_arr, 0));
  if (first == nullptr) return 0;
  const int fd = rte_memseg_get_fd_thread_unsafe(first);
  if (fd < 0) return 0;  // private already
  void* at = mmap(list->base_va, list->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0);
  if (at == MAP_FAILED) *static_cast<bool*>(failed) = true;
  return 0;
}

// With --no-shconf nothing is in it but the telemetry's socket, if there is one: then it stays until the end.
void RemoveRuntimeDirectory() { rmdir(rte_eal_get_runtime_dir()); }

}  // namespace

Status StartEal(const EalOptions& options) {
  if (g_started) return {};
  std::vector<std::string> words = EalArguments(options.extra);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  optind = 1;
  // Registered before the EAL registers its own, so that it runs after the telemetry's socket is gone.
  std::atexit(RemoveRuntimeDirectory);
  if (rte_eal_init(static_cast<int>(words.size()), arguments.data()) < 0) {
    std::string given;
    for (size_t i = 1; i < words.size(); ++i) given += " " + words[i];
    return Error{std::string("DPDK's EAL does not start: ") + rte_strerror(rte_errno) + "; its arguments were" + given};
  }
  g_started = true;
  RemoveRuntimeDirectory();
  if (options.private_memory) {
    bool failed = false;
    rte_memseg_list_walk(MakePrivate, &failed);
    if (failed) return Error{std::string("cannot make the EAL's memory private: ") + std::strerror(errno)};
  }
  return FrameField::Register();
}

void RemoveTelemetrySocket() {
  const std::string directory = rte_eal_get_runtime_dir();
  unlink((directory + "/dpdk_telemetry.v2").c_str());
  RemoveRuntimeDirectory();
}

Result<rte_mempool*> MakePool(const PoolOptions& options) {
  rte_mempool* pool =
      rte_pktmbuf_pool_create("uhaul", options.mbufs, 256, sizeof(FrameReading),
                              static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + options.data_octets), SOCKET_ID_ANY);
  if (pool == nullptr) {
    return Error{"no memory for " + std::to_string(options.mbufs) + " mbufs: " + rte_strerror(rte_errno) +
                 " (EAL argument -m)"};
  }
  return pool;
}

}  // namespace uhaul::runtime

#include "runtime/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_memory.h>
#include <rte_mempool.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace uhaul::runtime {
namespace {

bool g_started = false;

bool Has(const std::vector<std::string>& arguments, std::initializer_list<const char*> beginnings) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& a) {
    return std::any_of(beginnings.begin(), beginnings.end(), [&](const char* b) { return a.starts_with(b); });
  });
}

// One lcore that may run on any processor that this process may use: no thread is started, none is pinned.
std::string OneLcore() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::string cpus;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus += (cpus.empty() ? "" : ",") + std::to_string(cpu);
    }
  }
  return "--lcores=0@(" + (cpus.empty() ? "0" : cpus) + ")";
}

std::vector<std::string> ArgumentsFor(const EalOptions& options) {
  const std::vector<std::string>& theirs = options.extra;
  std::vector<std::string> arguments = {"uhaul-runtime", "--no-huge",     "-m",
                                        "128",           "--no-shconf",   "--log-level",
                                        "*:error",       "--file-prefix", "uhaul" + std::to_string(getpid())};
  // What these ask for, nothing said later could undo.
  if (!Has(theirs, {"-a", "--allow"})) arguments.push_back("--no-pci");
  if (!Has(theirs, {"--telemetry"})) arguments.push_back("--no-telemetry");
  if (!Has(theirs, {"-l", "-c", "--lcores"})) arguments.push_back(OneLcore());
  arguments.insert(arguments.end(), options.extra.begin(), options.extra.end());
  return arguments;
}

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
  std::vector<std::string> words = ArgumentsFor(options);
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
  return {};
}

Result<rte_mempool*> MakePool(const PoolOptions& options) {
  rte_mempool* pool = rte_pktmbuf_pool_create(
      "uhaul", options.mbufs, 256, 0, static_cast<uint16_t>(RTE_PKTMBUF_HEADROOM + options.data_octets), SOCKET_ID_ANY);
  if (pool == nullptr) {
    return Error{"no memory for " + std::to_string(options.mbufs) + " mbufs: " + rte_strerror(rte_errno) +
                 " (EAL argument -m)"};
  }
  return pool;
}

}  // namespace uhaul::runtime

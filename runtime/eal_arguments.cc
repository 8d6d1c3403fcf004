#include "runtime/eal_arguments.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <initializer_list>

namespace uhaul::runtime {
namespace {

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

}  // namespace

std::vector<std::string> EalArguments(const std::vector<std::string>& users) {
  std::vector<std::string> arguments = {"uhaul-runtime", "--no-shconf",   "--log-level",
                                        "*:error",       "--file-prefix", "uhaul" + std::to_string(getpid())};
  const bool huge = Has(users, {"--in-memory", "--huge-dir", "--socket-mem", "--socket-limit", "--huge-unlink",
                                "--single-file-segments", "--legacy-mem"});
  if (!huge) arguments.emplace_back("--no-huge");
  if (!huge && !Has(users, {"-m"})) arguments.insert(arguments.end(), {"-m", "128"});
  if (!Has(users, {"-a", "--allow"})) arguments.emplace_back("--no-pci");
  if (!Has(users, {"--telemetry"})) arguments.emplace_back("--no-telemetry");
  if (!Has(users, {"-l", "-c", "--lcores"})) arguments.push_back(OneLcore());
  arguments.insert(arguments.end(), users.begin(), users.end());
  return arguments;
}

}  // namespace uhaul::runtime

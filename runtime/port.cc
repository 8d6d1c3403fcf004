#include "runtime/port.h"

#include <rte_alarm.h>
#include <rte_ethdev.h>
#include <time.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <utility>

#include "core/base/check.h"
#include "runtime/fault_guard.h"
#include "runtime/wire_frame.h"

namespace uhaul::runtime {
namespace {

constexpr uint16_t kDescriptors = 1'024;
constexpr int64_t kProgressNs = 2'000'000'000;
constexpr int64_t kRetryNs = 20'000'000;  // after a peer that was not there
// With a peer that was there and does not bring the link up, or has gone: the driver clears up in several steps.
constexpr int64_t kPatienceNs = 1'000'000'000;

int64_t MonotonicNs() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

void SleepMillis(int64_t ms) {
  const timespec t{.tv_sec = 0, .tv_nsec = ms * 1'000'000};
  nanosleep(&t, nullptr);
}

struct Errand {
  std::function<int()> call;
  int result = 0;
  bool done = false;
};
// Hands errands over: what the EAL does to wake its thread is not for us to rely on, and an errand may be gone as soon
// as it is done.
std::mutex g_errands;
std::condition_variable g_errand_done;

void RunErrand(void* argument) {
  auto* errand = static_cast<Errand*>(argument);
  std::unique_lock lock(g_errands);
  lock.unlock();
  const int result = errand->call();
  lock.lock();
  errand->result = result;
  errand->done = true;
  g_errand_done.notify_all();
}

// The memif driver handles what its peer says in the EAL's interrupt thread, and starts, stops and closes a port
// without a lock against that. Alarms run in the same thread, so there the two cannot meet.
int InInterruptThread(std::function<int()> call) {
  std::unique_lock lock(g_errands);
  Errand errand{.call = std::move(call)};
  if (rte_eal_alarm_set(1, RunErrand, &errand) != 0) {
    lock.unlock();
    return errand.call();
  }
  g_errand_done.wait(lock, [&] { return errand.done; });
  return errand.result;
}

}  // namespace

std::vector<std::string> PortNames() {
  std::vector<std::string> names;
  uint16_t port = 0;
  RTE_ETH_FOREACH_DEV(port) {
    char name[RTE_ETH_NAME_MAX_LEN] = "";
    if (rte_eth_dev_get_name_by_port(port, name) == 0) names.emplace_back(name);
  }
  return names;
}

Result<std::unique_ptr<EthPort>> EthPort::Open(EthPortOptions options) {
  UHAUL_CHECK(options.clock != nullptr);
  if (options.say == nullptr) {
    options.say = [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); };
  }
  uint16_t port = 0;
  if (rte_eth_dev_get_port_by_name(options.device.c_str(), &port) != 0) {
    std::string there;
    for (const std::string& name : PortNames()) there += (there.empty() ? "" : ", ") + name;
    return Error{"port " + options.name + ": DPDK has no port " + options.device + "; it has " +
                 (there.empty() ? "none" : there)};
  }
  std::unique_ptr<EthPort> opened(new EthPort(std::move(options), port));
  if (const Status status = opened->Configure(); !status) return status.error();
  return opened;
}

EthPort::EthPort(EthPortOptions options, uint16_t port)
    : options_(std::move(options)), port_(port), waiting_(options_.memory, options_.queue) {}

EthPort::~EthPort() {
  for (size_t i = 0; i < unsent_count_; ++i) rte_pktmbuf_free(unsent_[unsent_first_ + i]);
  Stop();
  InInterruptThread([this] { return rte_eth_dev_close(port_); });
}

Status EthPort::Configure() {
  const auto failed = [this](const char* what, int error) {
    return Error{"port " + options_.name + " (" + options_.device + "): " + what + ": " + rte_strerror(-error)};
  };
  rte_eth_dev_info info{};
  if (const int e = rte_eth_dev_info_get(port_, &info); e != 0) return failed("says nothing about itself", e);
  shares_memory_ = std::string_view(info.driver_name) == "net_memif";
  if (shares_memory_) FaultGuard::Install();
  const rte_eth_conf configuration{};
  uint16_t receive = kDescriptors, transmit = kDescriptors, mtu = RTE_ETHER_MTU;
  if (const int e = rte_eth_dev_configure(port_, 1, 1, &configuration); e != 0) return failed("not configured", e);
  if (const int e = rte_eth_dev_adjust_nb_rx_tx_desc(port_, &receive, &transmit); e != 0) {
    return failed("no such number of descriptors", e);
  }
  if (const int e = rte_eth_rx_queue_setup(port_, 0, receive, SOCKET_ID_ANY, nullptr, options_.memory.pool); e != 0) {
    return failed("no receive queue (does the pool have mbufs enough?)", e);
  }
  if (const int e = rte_eth_tx_queue_setup(port_, 0, transmit, SOCKET_ID_ANY, nullptr); e != 0) {
    return failed("no transmit queue", e);
  }
  if (const int e = Start(); e != 0 && !options_.connects) return failed("does not start", e);
  // Frames name flags and sizes in their addresses, so the port must take every address. A port on which that cannot
  // be set (memif) takes every address as it is.
  if (const int e = rte_eth_promiscuous_enable(port_); e != 0 && e != -ENOTSUP) return failed("not promiscuous", e);
  rte_eth_dev_get_mtu(port_, &mtu);
  most_octets_ = std::min<uint32_t>(mtu + kEthernetHeader, kPortDataOctets);
  rte_eth_stats_reset(port_);
  return {};
}

int EthPort::Start() {
  // A peer that is not there yet is no error.
  const int level = rte_log_get_level(rte_log_register("pmd.net.memif"));
  if (options_.connects) rte_log_set_level_pattern("pmd.net.memif", RTE_LOG_CRIT);
  const int error = InInterruptThread([this] { return rte_eth_dev_start(port_); });
  if (options_.connects && level >= 0) rte_log_set_level_pattern("pmd.net.memif", static_cast<uint32_t>(level));
  started_ = error == 0;
  tried_ns_ = MonotonicNs();
  return error;
}

void EthPort::Stop() {
  if (started_) InInterruptThread([this] { return rte_eth_dev_stop(port_); });
  started_ = false;
}

bool EthPort::LinkUp() {
  if (started_) {
    rte_eth_link link{};
    if (rte_eth_link_get_nowait(port_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP) return true;
  }
  // A server that has only begun to listen refuses, and the driver does not ask again.
  if (const int64_t now = MonotonicNs(); options_.connects && now - tried_ns_ > (started_ ? kPatienceNs : kRetryNs)) {
    Stop();
    Start();
  }
  return false;
}

Status EthPort::AwaitLink(Duration most) {
  const int64_t start = MonotonicNs();
  int64_t said = start;
  while (!LinkUp()) {
    const int64_t now = MonotonicNs();
    if (now - start >= most.nanos()) {
      return Error{"port " + options_.name + " (" + options_.device + "): no link within " +
                   std::to_string(most.nanos() / 1'000'000) + " ms; is the cable in, does the peer process run?"};
    }
    if (now - said >= kProgressNs) {
      options_.say("port " + options_.name + ": no link yet; is the cable in / the peer process up?");
      said = now;
    }
    SleepMillis(5);
  }
  link_up_ = true;
  return {};
}

bool EthPort::Watch() {
  const bool up = LinkUp();
  if (up != link_up_) {
    counted_.link_losses += up ? 0 : 1;
    tried_ns_ = MonotonicNs();
    options_.say("port " + options_.name +
                 (up ? ": the link is there" : ": the link is gone; has the peer process ended?"));
  }
  link_up_ = up;
  return up;
}

bool EthPort::FitForWire(rte_mbuf* mbuf) {
  if (ToWire(mbuf, most_octets_)) [[likely]] {
    return true;
  }
  ++counted_.too_large;
  rte_pktmbuf_free(mbuf);
  return false;
}

uint16_t EthPort::Transmit(std::span<rte_mbuf*> burst) {
  if (!started_) return 0;
  StageCapture(burst);
  uint16_t sent = 0;
  const auto transmit = [&] { sent = rte_eth_tx_burst(port_, 0, burst.data(), static_cast<uint16_t>(burst.size())); };
  if (!shares_memory_) {
    transmit();
  } else if (!FaultGuard::Run(transmit)) {
    // Which of them the driver had freed is not known.
    ++counted_.faults;
    CommitCapture(0);
    return static_cast<uint16_t>(burst.size());
  }
  CommitCapture(sent);
  counted_.sent += sent;
  return sent;
}

uint16_t EthPort::Take(std::span<rte_mbuf*> burst) {
  if (!started_) return 0;
  uint16_t came = 0;
  const auto take = [&] {
    came = rte_eth_rx_burst(port_, 0, burst.data(), static_cast<uint16_t>(std::min(burst.size(), kMost)));
  };
  if (!shares_memory_) {
    take();
  } else if (!FaultGuard::Run(take)) {
    ++counted_.faults;
    return 0;
  }
  StageCapture(burst.first(came));
  CommitCapture(came);
  return came;
}

void EthPort::StageCapture(std::span<rte_mbuf* const> burst) {
  if (options_.capture == nullptr || burst.empty()) return;
  const TimePoint now = options_.clock();
  for (rte_mbuf* mbuf : burst) {
    options_.capture->Stage(now, {rte_pktmbuf_mtod(mbuf, const uint8_t*), rte_pktmbuf_data_len(mbuf)},
                            rte_pktmbuf_pkt_len(mbuf));
  }
}

void EthPort::CommitCapture(size_t frames) {
  if (options_.capture != nullptr) options_.capture->Commit(frames);
}

size_t EthPort::Send(TimePoint, std::span<rte_mbuf* const> burst) {
  SendWaiting();
  size_t done = 0;
  while (done < burst.size() && in_flight() == 0) {
    std::array<rte_mbuf*, kMost> ready;
    size_t count = 0;
    // Of what is refused everything is still the caller's, so a frame is freed only when all before it have left.
    while (count < kMost && done + count < burst.size() && ToWire(burst[done + count], most_octets_)) {
      ready[count] = burst[done + count];
      ++count;
    }
    if (count == 0) {
      FitForWire(burst[done++]);
      continue;
    }
    const size_t sent = Transmit({ready.data(), count});
    done += sent;
    if (sent < count) break;
  }
  while (done < burst.size() && waiting_.Push(burst[done])) ++done;
  return done;
}

bool EthPort::SendHeld(TimePoint, PacketStore::Handle handle) {
  if (!waiting_.Push(handle)) return false;
  SendWaiting();
  return true;
}

void EthPort::SendWaiting() {
  while (in_flight() > 0) {
    if (unsent_count_ == 0) {
      unsent_first_ = 0;
      while (unsent_count_ < kMost && !waiting_.empty()) {
        rte_mbuf* mbuf = waiting_.Pop();
        if (mbuf == nullptr) break;  // later, when others have been freed
        if (FitForWire(mbuf)) unsent_[unsent_count_++] = mbuf;
      }
      if (unsent_count_ == 0) return;
    }
    const uint16_t sent = Transmit({unsent_.data() + unsent_first_, unsent_count_});
    unsent_first_ += sent;
    unsent_count_ -= sent;
    if (unsent_count_ > 0) return;
  }
}

size_t EthPort::Receive(std::span<rte_mbuf*> burst) {
  if (in_flight() > 0) [[unlikely]] {
    SendWaiting();
  }
  const uint16_t came = Take(burst);
  if (came == 0) return 0;
  const TimePoint reference = options_.clock();
  size_t ours = 0;
  for (uint16_t i = 0; i < came; ++i) {
    const WireOutcome outcome = FromWire(burst[i], reference);
    if (outcome == WireOutcome::kOurs) [[likely]] {
      burst[ours++] = burst[i];
      continue;
    }
    ++(outcome == WireOutcome::kForeign ? counted_.foreign : counted_.cut);
    rte_pktmbuf_free(burst[i]);
  }
  counted_.received += ours;
  return ours;
}

PortCounters EthPort::counters() const {
  PortCounters counters = counted_;
  rte_eth_stats stats{};
  if (rte_eth_stats_get(port_, &stats) == 0) {
    counters.missed = stats.imissed;
    counters.receive_errors = stats.ierrors;
    counters.no_mbuf = stats.rx_nombuf;
    counters.send_errors = stats.oerrors;
  }
  return counters;
}

}  // namespace uhaul::runtime

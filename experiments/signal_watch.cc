#include "experiments/signal_watch.h"

#include <poll.h>

#include <utility>

namespace uhaul {
namespace {

volatile sig_atomic_t g_signal = 0;  // the last one received, not yet taken

void OnSignal(int number) { g_signal = number; }

}  // namespace

SignalWatch::SignalWatch() {
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int number : kSignals) sigaddset(&blocked, number);
  sigprocmask(SIG_BLOCK, &blocked, &before_);
  g_signal = 0;
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    sigaction(kSignals[i], nullptr, &actions_[i]);
    const bool nohup = kSignals[i] == SIGHUP && actions_[i].sa_handler == SIG_IGN;
    if (!nohup) sigaction(kSignals[i], &action, nullptr);
  }
}

SignalWatch::~SignalWatch() {
  for (size_t i = 0; i < kSignals.size(); ++i) sigaction(kSignals[i], &actions_[i], nullptr);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

short SignalWatch::Wait(int fd, int milliseconds) {
  pollfd watched = {fd, POLLIN, 0};
  const timespec wait = {milliseconds / 1000, milliseconds % 1000 * 1'000'000L};
  return ::ppoll(&watched, 1, &wait, &before_) > 0 ? watched.revents : short{0};
}

int SignalWatch::Take() {
  const int number = g_signal;
  g_signal = 0;
  return number;
}

void SignalWatch::Undo() const {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  sigprocmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace uhaul

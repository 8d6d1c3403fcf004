// The machines as ns-3 shows them: an application per machine, whose attributes say what the machine does now. It has
// nothing to start or stop.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "ns3/application.h"

namespace uhaul {

// What an application may tell of the machine on its node.
using Gauge = std::function<uint64_t()>;

// Common to all.
class GaugeApplication : public ns3::Application {
 public:
  static ns3::TypeId GetTypeId();
  void SetGauge(size_t i, Gauge gauge);

 protected:
  static constexpr size_t kGauges = 3;
  template <size_t kIndex>
  uint64_t Get() const {
    return gauges_[kIndex] ? gauges_[kIndex]() : 0;
  }
  void DoDispose() override;

 private:
  std::array<Gauge, kGauges> gauges_;
};

// PacketsSent, FlowsWaiting
class GeneratorApplication final : public GaugeApplication {
 public:
  static ns3::TypeId GetTypeId();
};
// TableEntries
class SwitchApplication final : public GaugeApplication {
 public:
  static ns3::TypeId GetTypeId();
};
// States, FitEntries, HeldBytes
class NfApplication final : public GaugeApplication {
 public:
  static ns3::TypeId GetTypeId();
};
// HeldBytes, Operations (0 or 1 under way)
class ControllerApplication final : public GaugeApplication {
 public:
  static ns3::TypeId GetTypeId();
};

}  // namespace uhaul

// A controller service for tests: in a thread of its own, with whoever calls it.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <utility>

#include "runtime/transport/controller_service.h"
#include "runtime/transport/northbound.h"
#include "tests/runtime/transport/far_side.h"

namespace uhaul::runtime::testing {

inline constexpr Duration kPatience = Duration::Seconds(60);

inline ControllerServiceOptions Options(const char* profile = "ideal") {
  ControllerServiceOptions options;
  options.controller = {.profile = *FindProfile(profile), .hash_key = kTestKey, .nf_count = 2};
  options.clock = Now;
  options.shared_clock = true;
  return options;
}

// A service that runs in a thread of its own.
class Running {
 public:
  explicit Running(ControllerServiceOptions options, const std::string& address) : service_(std::move(options)) {
    const auto parsed = Address::Parse(address);
    REQUIRE(parsed.ok());
    const auto bound = service_.Listen(*parsed);
    REQUIRE(bound.ok());
    address_ = *bound;
    thread_ = std::thread([this] { (void)service_.Run(); });
  }
  ~Running() { Stop(); }
  void Stop() {
    service_.Stop();
    if (thread_.joinable()) thread_.join();
  }
  Northbound Driver() const {
    auto driver = Northbound::Connect(address_, kPatience);
    REQUIRE(driver.ok());
    return *std::move(driver);
  }
  ControllerService& service() { return service_; }
  const Address& address() const { return address_; }

 private:
  ControllerService service_;
  Address address_;
  std::thread thread_;
};

}  // namespace uhaul::runtime::testing

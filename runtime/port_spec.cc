#include "runtime/port_spec.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

namespace uhaul::runtime {
namespace {

constexpr size_t kLongestInterface = 15;  // IFNAMSIZ - 1
constexpr int kGreetingMillis = 5'000;
constexpr size_t kLongestSocket = 107;  // sockaddr_un
constexpr const char* kForms =
    "a port is ring, memif:PATH[,role=server|client][,id=N], af_packet:IFNAME, af_xdp:IFNAME, pci:DOMAIN:BUS:DEVICE.FN "
    "or device:NAME";

struct KindName {
  PortKind kind;
  std::string_view name;
};
constexpr KindName kKinds[] = {
    {PortKind::kRing, "ring"},    {PortKind::kMemif, "memif"}, {PortKind::kAfPacket, "af_packet"},
    {PortKind::kAfXdp, "af_xdp"}, {PortKind::kPci, "pci"},     {PortKind::kDevice, "device"}};

std::string_view NameOf(PortKind kind) {
  for (const KindName& k : kKinds) {
    if (k.kind == kind) return k.name;
  }
  return {};
}

Error Bad(std::string_view text, const std::string& why) { return Error{"port " + std::string(text) + ": " + why}; }

std::optional<uint32_t> Number(std::string_view text, uint32_t most, int base = 10) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || value > most) return std::nullopt;
  return value;
}

Status ReadMemif(std::string_view text, std::string_view rest, PortSpec* spec) {
  for (bool first = true; first || !rest.empty(); first = false) {
    const size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view word = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (first) {
      spec->where = word;
    } else if (word == "role=server" || word == "role=client") {
      spec->server = word == "role=server";
    } else if (word.starts_with("id=") && Number(word.substr(3), 0xffff)) {
      spec->id = *Number(word.substr(3), 0xffff);
    } else {
      return Bad(text, "\"" + std::string(word) + "\" is neither role=server, role=client nor id=N (0..65535)");
    }
  }
  if (spec->where.empty()) return Bad(text, "the socket's path is missing: memif:/run/uhaul/link1,role=server");
  if (spec->where.size() > kLongestSocket) {
    return Bad(text, "the socket's path has " + std::to_string(spec->where.size()) + " characters; " +
                         std::to_string(kLongestSocket) + " is the most");
  }
  return {};
}

bool IsPciAddress(std::string_view text) {
  // DDDD:BB:DD.F
  return text.size() == 12 && text[4] == ':' && text[7] == ':' && text[10] == '.' &&
         Number(text.substr(0, 4), 0xffff, 16) && Number(text.substr(5, 2), 0xff, 16) &&
         Number(text.substr(8, 2), 0x1f, 16) && Number(text.substr(11), 7);
}

Status CheckWhere(std::string_view text, const PortSpec& spec) {
  switch (spec.kind) {
    case PortKind::kRing:
    case PortKind::kMemif:
      return {};
    case PortKind::kAfPacket:
    case PortKind::kAfXdp:
      if (spec.where.empty()) return Bad(text, "the interface is missing (ip link shows what there is)");
      if (spec.where.size() > kLongestInterface || spec.where.find_first_of("/ ,=") != std::string::npos) {
        return Bad(text, "\"" + spec.where + "\" is no interface's name");
      }
      return {};
    case PortKind::kPci:
      if (!IsPciAddress(spec.where)) {
        return Bad(text,
                   "\"" + spec.where + "\" is no PCI address such as 0000:03:00.0 (dpdk-devbind.py -s lists them)");
      }
      return {};
    case PortKind::kDevice:
      if (spec.where.empty()) return Bad(text, "the EAL's name of the port is missing: device:net_ring0");
      return {};
  }
  return {};
}

enum class Listener : uint8_t { kNone, kThere, kUnknown };

Listener FindListener(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Listener::kUnknown;
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  if (connected) {
    // DPDK's listener greets; one whose greeting finds nobody any more takes its whole process down (22.11).
    pollfd greeting{.fd = fd, .events = POLLIN, .revents = 0};
    poll(&greeting, 1, kGreetingMillis);
  }
  close(fd);
  if (connected || error == EAGAIN) return Listener::kThere;
  return error == ECONNREFUSED ? Listener::kNone : Listener::kUnknown;
}

Status PrepareSocket(const PortSpec& spec) {
  const std::filesystem::path path = spec.where, directory = path.parent_path();
  std::error_code error;
  if (!directory.empty() && !std::filesystem::is_directory(directory, error)) {
    return Bad(ToString(spec), "there is no directory for its socket: mkdir -p " + directory.string());
  }
  if (!spec.server || !std::filesystem::exists(std::filesystem::symlink_status(path, error))) return {};
  if (!std::filesystem::is_socket(path, error)) return Bad(ToString(spec), spec.where + " exists and is no socket");
  switch (FindListener(spec.where)) {
    case Listener::kThere:
      return Bad(ToString(spec), "another process listens there; give this port another path");
    case Listener::kUnknown:
      return Bad(ToString(spec), "cannot tell whether somebody listens there; remove " + spec.where);
    case Listener::kNone:
      if (!std::filesystem::remove(path, error)) return Bad(ToString(spec), "cannot remove " + spec.where);
  }
  return {};
}

// One thing can be one port only; a memif's two ends may both be here.
std::string Identity(const PortSpec& spec) {
  return std::string(spec.kind == PortKind::kAfXdp ? "af_packet" : NameOf(spec.kind)) + ":" + spec.where +
         (spec.kind == PortKind::kMemif ? "," + std::to_string(spec.id) + (spec.server ? "s" : "c") : "");
}

}  // namespace

Result<PortSpec> ParsePortSpec(std::string_view text) {
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view rest = text.substr(std::min(colon + 1, text.size()));
  PortSpec spec;
  for (const KindName& k : kKinds) {
    if (k.name != text.substr(0, colon)) continue;
    spec.kind = k.kind;
    if (spec.kind == PortKind::kRing && !rest.empty()) return Bad(text, "a ring has no address");
    spec.where = spec.kind == PortKind::kMemif ? "" : rest;
    if (spec.kind == PortKind::kMemif) {
      if (const Status status = ReadMemif(text, rest, &spec); !status) return status.error();
    }
    if (const Status status = CheckWhere(text, spec); !status) return status.error();
    return spec;
  }
  return Bad(text, kForms);
}

std::string ToString(const PortSpec& spec) {
  std::string text(NameOf(spec.kind));
  if (spec.kind == PortKind::kRing) return text;
  text += ":" + spec.where;
  if (spec.kind != PortKind::kMemif) return text;
  return text + (spec.server ? ",role=server" : ",role=client") + ",id=" + std::to_string(spec.id);
}

Result<PortPlan> PlanPorts(std::span<const PortSpec> specs) {
  PortPlan plan;
  std::vector<std::string> seen;
  for (const PortSpec& spec : specs) {
    const std::string number = std::to_string(plan.ports.size());
    std::string device, device_arguments;
    switch (spec.kind) {
      case PortKind::kRing:
        plan.ports.emplace_back();
        continue;
      case PortKind::kMemif:
        device = "net_memif" + number;
        // 2^11 descriptors: at 10 Gbps, 2.4 ms of full frames.
        device_arguments = std::string(",role=") + (spec.server ? "server" : "client") +
                           ",id=" + std::to_string(spec.id) + ",socket=" + spec.where + ",socket-abstract=no,rsize=11";
        break;
      case PortKind::kAfPacket:
        device = "net_af_packet" + number;
        // The driver's default of 512 frames is what a sender at 10 Gbps fills in 0.6 ms.
        device_arguments = ",iface=" + spec.where + ",framecnt=4096";
        break;
      case PortKind::kAfXdp:
        device = "net_af_xdp" + number;
        device_arguments = ",iface=" + spec.where;
        break;
      case PortKind::kPci:
      case PortKind::kDevice:
        device = spec.where;
        break;
    }
    if (spec.kind == PortKind::kPci) {
      plan.arguments.insert(plan.arguments.end(), {"-a", device});
    } else if (spec.kind != PortKind::kDevice) {
      plan.arguments.push_back("--vdev=" + device + device_arguments);
    }
    if (std::find(seen.begin(), seen.end(), Identity(spec)) != seen.end()) {
      return Bad(ToString(spec), "is given twice");
    }
    seen.push_back(Identity(spec));
    plan.ports.push_back({std::move(device), spec.kind == PortKind::kMemif && !spec.server});
  }
  return plan;
}

Status PrepareSockets(std::span<const PortSpec> specs) {
  for (const PortSpec& spec : specs) {
    if (spec.kind != PortKind::kMemif) continue;
    if (const Status status = PrepareSocket(spec); !status) return status;
  }
  return {};
}

Result<CaptureSpec> ParseCaptureSpec(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == 0 || equals == std::string_view::npos || equals + 1 == text.size()) {
    return Error{"capture \"" + std::string(text) + "\" is not PORT=FILE.pcap"};
  }
  return CaptureSpec{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

}  // namespace uhaul::runtime

// LinkCaptures: what chosen links of a testbed in one process carry, as pcap files, by the links' names.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "runtime/captured_link.h"

namespace uhaul::runtime {

class LinkCaptures {
 public:
  // `files`: link's name -> file. `epoch_ns`: the time since 1970 at which the run's clock is 0. An error names a link
  // that there is not, or a file that cannot be made.
  static Result<LinkCaptures> Open(const std::map<std::string, std::string>& files, int64_t epoch_ns);

  // The link, captured if it is to be. These captures outlive it.
  std::unique_ptr<DataLink> Wrap(const std::string& name, std::unique_ptr<DataLink> link, PacketStore* store);
  // Ends the files; nothing may be sent any more.
  Status Close();
  uint64_t captured() const;
  uint64_t lost() const;

 private:
  std::map<std::string, std::unique_ptr<Capture>> captures_;
};

// LINK=FILE.pcap, as options give it; into `files`. An error: not of this form, or a link twice.
Status AddCapture(const std::string& text, std::map<std::string, std::string>* files);

}  // namespace uhaul::runtime

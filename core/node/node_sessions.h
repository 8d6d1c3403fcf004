// NodeSessions: which switch and NF instances the controller has greeted, and who they said they are. A node that comes
// back with another incarnation has died in between; a time-out never means that. What it said on a connection that is
// over, or before the operator declared it dead, says nothing about the present: whoever lets messages wait asks which
// connection they came by.
#pragma once

#include <map>

#include "core/base/hash.h"
#include "core/protocol/message.h"

namespace uhaul {

class NodeSessions {
 public:
  // The connection opened: the node is greeted, and is not there until it answers.
  void Greet(NodeId node) {
    sessions_[node].up = false;
    ++sessions_[node].connection;
  }
  // True if it is another one than the last time (or the first).
  bool Answered(NodeId node, const msg::Hello& hello) {
    Session& session = sessions_[node];
    const bool other = session.incarnation != hello.incarnation;
    session = {hello.incarnation, true, false, hello.marking, session.connection};
    return other;
  }
  // The operator's word: it will not come back as it was.
  void Declare(NodeId node) {
    sessions_[node].up = false;
    sessions_[node].dead = true;
    ++sessions_[node].connection;
  }
  bool dead(NodeId node) const {
    const auto found = sessions_.find(node);
    return found != sessions_.end() && found->second.dead;
  }
  bool up(NodeId node) const {
    const auto found = sessions_.find(node);
    return found != sessions_.end() && found->second.up;
  }
  // Their number; a declaration ends one, too.
  uint64_t connection(NodeId node) const {
    const auto found = sessions_.find(node);
    return found == sessions_.end() ? 0 : found->second.connection;
  }
  // How the switch marks, as it has said last.
  msg::Marking marking() const {
    const auto found = sessions_.find(kSwitchNode);
    return found == sessions_.end() ? msg::Marking::kAtomic : found->second.marking;
  }
  // 0: it has never answered.
  uint64_t incarnation(NodeId node) const {
    const auto found = sessions_.find(node);
    return found == sessions_.end() ? 0 : found->second.incarnation;
  }
  void Hash(StateHash& hash) const {
    for (const auto& [node, session] : sessions_) {
      hash.Add((static_cast<uint64_t>(node.role) << 16) | (uint64_t{node.instance} << 8) | (session.up ? 1U : 0U) |
               (session.dead ? 2U : 0U) | (session.marking == msg::Marking::kAtomic ? 0U : 4U));
      hash.Add(session.incarnation);
    }
  }

 private:
  struct Session {
    uint64_t incarnation = 0;
    bool up = false;
    bool dead = false;
    msg::Marking marking = msg::Marking::kAtomic;
    uint64_t connection = 0;
  };
  std::map<NodeId, Session> sessions_;
};

}  // namespace uhaul

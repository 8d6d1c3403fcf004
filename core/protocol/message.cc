#include "core/protocol/message.h"

namespace uhaul {

MessageBody::MessageBody() = default;
MessageBody::MessageBody(const MessageBody& other) = default;
MessageBody::MessageBody(MessageBody&& other) noexcept = default;
MessageBody& MessageBody::operator=(const MessageBody& other) = default;
MessageBody& MessageBody::operator=(MessageBody&& other) noexcept = default;
MessageBody::~MessageBody() = default;
bool MessageBody::operator==(const MessageBody& other) const {
  return static_cast<const MessageVariant&>(*this) == static_cast<const MessageVariant&>(other);
}

}  // namespace uhaul

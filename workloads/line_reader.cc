#include "workloads/line_reader.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>

namespace uhaul {

LineReader::LineReader(std::string path, std::FILE* file, size_t max_line)
    : path_(std::move(path)), file_(file), max_line_(max_line), buffer_(std::max<size_t>(65536, 2 * max_line + 2)) {}

Result<LineReader> LineReader::Open(const std::string& path, size_t max_line) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr)
    return Error{fmt::format("{}: cannot be read: {}", path, std::generic_category().message(errno))};
  LineReader reader(path, file, max_line);
  struct stat status {};
  if (fstat(fileno(file), &status) == 0 && S_ISDIR(status.st_mode)) {
    return Error{fmt::format("{}: is a directory; name a file", path)};
  }
  return reader;
}

Error LineReader::At(size_t line, const std::string& what) const {
  return Error{fmt::format("{}:{}: {}", path_, line, what)};
}

bool LineReader::Fill() {
  std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  const size_t got = std::fread(buffer_.data() + end_, 1, buffer_.size() - end_, file_.get());
  end_ += got;
  return got > 0;
}

Result<bool> LineReader::Next(std::string_view* line) {
  ++line_number_;
  const char* newline = nullptr;
  for (;;) {
    const void* found = std::memchr(buffer_.data() + begin_, '\n', end_ - begin_);
    newline = static_cast<const char*>(found);
    // Two octets of slack: the line's end may be CR LF.
    if (newline != nullptr || end_ - begin_ > max_line_ + 2 || !Fill()) break;
  }
  if (std::ferror(file_.get()) != 0) return At("reading failed");
  if (newline == nullptr && begin_ == end_) return false;
  const char* start = buffer_.data() + begin_;
  ended_ = newline != nullptr;
  std::string_view text(start, ended_ ? static_cast<size_t>(newline - start) : end_ - begin_);
  if (ended_ && text.ends_with('\r')) text.remove_suffix(1);
  if (text.size() > max_line_) return At(fmt::format("the line is longer than {} octets", max_line_));
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x20 || c == '\t'; });
  if (!printable) return At("the line holds control characters; this is not a text file of this kind");
  begin_ = ended_ ? static_cast<size_t>(newline - buffer_.data()) + 1 : end_;
  *line = text;
  return true;
}

std::string_view TrimSpace(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool ParseAbout(std::string_view comment, std::string_view* key, std::string_view* value) {
  if (!comment.starts_with('#')) return false;
  const std::string_view text = TrimSpace(comment.substr(1));
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  *key = text.substr(0, colon);
  *value = TrimSpace(text.substr(colon + 1));
  return std::all_of(key->begin(), key->end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool ParseWhole(std::string_view text, uint64_t max, uint64_t* value) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size() && *value <= max;
}

}  // namespace uhaul

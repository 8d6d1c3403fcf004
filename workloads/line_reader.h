// LineReader: a text file line by line, bounded. Distribution and trace files come from anybody, so a line has a
// greatest length and holds printable text only; every failure names the file and the line.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace uhaul {

class LineReader {
 public:
  static Result<LineReader> Open(const std::string& path, size_t max_line);

  // The next line without its end (LF, or CR LF) in *line, valid until the next call; false at the end of the file.
  Result<bool> Next(std::string_view* line);
  // Of the line last read, from 1.
  size_t line_number() const { return line_number_; }
  // Whether the line last read had an end; a file cut in the middle of a line has none.
  bool ended() const { return ended_; }
  // An error at the line last read, or at another one.
  Error At(const std::string& what) const { return At(line_number_, what); }
  Error At(size_t line, const std::string& what) const;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  LineReader(std::string path, std::FILE* file, size_t max_line);
  bool Fill();

  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  size_t max_line_;
  std::vector<char> buffer_;
  size_t begin_ = 0;  // unread octets of buffer_: [begin_, end_)
  size_t end_ = 0;
  size_t line_number_ = 0;
  bool ended_ = true;
};

// Leading and trailing spaces and tabs removed.
std::string_view TrimSpace(std::string_view text);

// `# key: value` with a key of letters, digits and underscores: true and both parts, else false.
bool ParseAbout(std::string_view comment, std::string_view* key, std::string_view* value);

// A decimal number without sign, spaces or leading zeros before other digits; false if it is anything else or above
// `max`.
bool ParseWhole(std::string_view text, uint64_t max, uint64_t* value);

}  // namespace uhaul

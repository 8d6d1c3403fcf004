// Text within HTML, SVG and LaTeX. Everything that is not our own markup passes through here.
#pragma once

#include <string>
#include <string_view>

namespace uhaul {

// For element content and for attribute values in either kind of quotes. Control characters become spaces.
std::string EscapeMarkup(std::string_view text);
// For LaTeX, in text.
std::string EscapeLatex(std::string_view text);
// JSON that stands in a <script> element: nothing in it can end the element or open a comment.
std::string EscapeScriptJson(std::string json);

}  // namespace uhaul

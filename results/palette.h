// The colours of everything that is drawn: told apart by the colour-blind (Okabe and Ito 2008), without yellow, which
// is hard to see on white.
#pragma once

#include <array>

namespace uhaul {

inline constexpr std::array<const char*, 7> kPalette = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                        "#e69f00", "#56b4e9", "#333333"};

}  // namespace uhaul

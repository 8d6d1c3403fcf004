// All that is said of the paper from one study, made once: it is what takes the time, and several parts of a page want
// it.
#pragma once

#include <vector>

#include "core/base/result.h"
#include "results/claims.h"
#include "results/paper_tables.h"
#include "results/study.h"

namespace uhaul {

struct Answers {
  const Study& study;
  std::vector<Table> tables;
  std::vector<Claim> claims;
};

// Errors: the paper's numbers cannot be read.
inline Result<Answers> AnswerPaper(const Study& study) {
  auto tables = BuildAllTables(study);
  if (!tables) return tables.error();
  auto claims = BuildClaims(study);
  if (!claims) return claims.error();
  return Answers{study, std::move(*tables), std::move(*claims)};
}

}  // namespace uhaul

#include "experiments/yaml_documents.h"

#include <yaml-cpp/eventhandler.h>

#include <sstream>

namespace uhaul {
namespace {

// Where documents begin.
class Beginnings final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { last_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
  const YAML::Mark& last() const { return last_; }

 private:
  YAML::Mark last_ = YAML::Mark::null_mark();
};

}  // namespace

YamlDocuments ReadYamlDocuments(const std::string& text) {
  YamlDocuments documents;
  std::istringstream in(text);
  YAML::Parser parser(in);
  Beginnings beginnings;
  if (!parser.HandleNextDocument(beginnings)) return documents;
  documents.first = YAML::Load(text);
  if (parser.HandleNextDocument(beginnings)) documents.second = beginnings.last();
  return documents;
}

}  // namespace uhaul

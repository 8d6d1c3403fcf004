// How the page looks: on a screen, light or dark, and on paper.
#pragma once

namespace uhaul {

inline constexpr const char* kPageStyle =
    R"(:root { color-scheme: light dark; --text: #1a1a1a; --paper: #ffffff; --soft: #f3f4f6; --line: #c9ccd1;
  --link: #0b57d0; --good: #0a6b2d; --bad: #a8201a; --open: #7a4b00; --other: #6a1b9a; }
@media (prefers-color-scheme: dark) { :root { --text: #e8e8e8; --paper: #16181c; --soft: #22262c; --line: #464b54;
  --link: #8ab4f8; --good: #7ee2a0; --bad: #ff9d96; --open: #f5c26b; --other: #d7a6f2; } }
body { margin: 0 auto; max-width: 76rem; padding: 0 1rem 4rem; color: var(--text); background: var(--paper);
  font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; }
h1 { margin: 1.5rem 0 .5rem; font-size: 1.8rem; } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
p, li { max-width: 46rem; } a { color: var(--link); }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; padding: 0; list-style: none; }
.skip { position: absolute; left: -999rem; } .skip:focus { position: static; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.scroll, .picture { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .88rem; }
th, td { padding: .2rem .7rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
thead th { background: var(--soft); vertical-align: bottom; white-space: normal; }
th[scope=row], .left { text-align: left; } td.left { white-space: normal; } th[scope=row] { font-weight: 600; }
tr.chosen th, tr.chosen td { background: var(--soft); box-shadow: inset 0 2px var(--link), inset 0 -2px var(--link); }
.is-in, .is-holds { color: var(--good); font-weight: 600; }
.is-out, .is-model-fails, .is-reverses { color: var(--bad); font-weight: 600; }
.is-uninformative, .is-undecided { color: var(--open); } .is-not-comparable { color: var(--other); }
.note { font-size: .88rem; margin: .3rem 0; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; max-width: 46rem; }
svg { max-width: 100%; height: auto; } summary { cursor: pointer; }
.charts { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; } .interactive figure { margin: 0; }
.interactive { overflow-x: auto; --plot-background: var(--paper); }
.chart-title { margin: .3rem 0; } .interactive .tip { min-height: 1.5em; margin: 0; font-size: .88rem; } @media screen { .print-only { display: none; } }
.controls { position: sticky; top: 0; padding: .4rem 0; background: var(--paper); z-index: 1; max-width: none; }
select { font: inherit; color: inherit; background: var(--soft); } h2, h3, figure { scroll-margin-top: 3rem; }
code { font-size: .88rem; overflow-wrap: anywhere; }
#robustness-figure ~ .scroll td.left { white-space: nowrap; } @media screen { #robustness-figure svg { min-width: 62rem; } }
@media (max-width: 40rem) { th[scope=row] { white-space: normal; min-width: 7rem; } th, td { padding: .2rem .4rem; } }
@media print { body { max-width: none; font-size: 10pt; } nav, .skip, .controls, .charts, figure details { display: none; }
  p, li { max-width: none; } h2, h3, figcaption { break-after: avoid; } thead { display: table-header-group; }
  .scroll, .picture { overflow: visible; } table { font-size: 7.5pt; }
  th, td { padding: .15rem .4rem; } th[scope=row] { white-space: normal; }
  #robustness-figure ~ .scroll table { font-size: 5.5pt; } #robustness-figure ~ .scroll :is(th, td) { padding: .1rem .2rem; }
  #robustness-figure ~ .scroll th[scope=row] { min-width: 15em; } tr, figure { break-inside: avoid; } }
)";

}  // namespace uhaul

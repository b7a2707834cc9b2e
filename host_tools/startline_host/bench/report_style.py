"""The look of the HTML report: light and dark, laptop and phone, without a network."""

STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf7; --ink: #1d2226; --soft: #5d666e;
  --line: #dcd9d1; --card: #ffffff; --good: #1c7a43; --bad: #b3261e; --idle: #77706a;
  --good-bg: #e3f3e8; --bad-bg: #fbe4e2; --cloud: #1b5fa8; --bench: #7a4a00; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181b; --ink: #e4e6e8; --soft: #9aa4ad;
  --line: #333a40; --card: #1d2226; --good: #6fce91; --bad: #ff8f86; --idle: #948d86;
  --good-bg: #17331f; --bad-bg: #45201d; --cloud: #86b9f2; --bench: #e2ac5b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 76rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0; display: inline; font-weight: 600; }
p { margin: .3rem 0; } .soft, .says { color: var(--soft); } .says { font-size: .9rem; }
a { color: inherit; } code, .log, .num { font-family: ui-monospace, Menlo, Consolas, monospace; }
.sum { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; padding: 0; list-style: none; }
.sum li { border: 1px solid var(--line); border-radius: .5rem; background: var(--card);
  padding: .35rem .8rem; } .sum b { font-size: 1.25rem; margin-right: .35rem; }
.passed { color: var(--good); } .failed, .error { color: var(--bad); } .skipped { color: var(--idle); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .6rem 0;
  font-size: .9rem; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.case { border: 1px solid var(--line); border-left: .3rem solid var(--bad); border-radius: .4rem;
  background: var(--card); margin: 0 0 1rem; padding: .7rem .9rem; }
.case > details > summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
.case ul { margin: .4rem 0 .6rem; padding-left: 1.2rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .3rem .6rem .3rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; } th { font-size: .8rem; color: var(--soft); font-weight: 600; }
td.cell { white-space: nowrap; min-width: 7.5rem; } td.cell small { color: var(--soft); }
td.name { min-width: 12rem; overflow-wrap: anywhere; }
.log { font-size: .78rem; line-height: 1.45; margin-top: .5rem; }
.log div { display: grid; grid-template-columns: 5.2rem 4rem 1fr; gap: .6rem; padding: 0 .4rem;
  border-radius: .2rem; } .log span { overflow-wrap: anywhere; white-space: pre-wrap; }
.log time, .log em { color: var(--soft); font-style: normal; text-align: left; }
.log .text { color: var(--soft); } .log .request, .log .request em { color: var(--cloud); }
.log .act, .log .act em { color: var(--bench); font-weight: 600; }
.log .finding { background: var(--bad-bg); color: var(--bad); font-weight: 600; }
.log .event i { color: var(--soft); font-style: normal; }
.bar { height: .55rem; border-radius: .3rem; background: var(--good); min-width: 2px; }
.bar.failed, .bar.error { background: var(--bad); }
.slow td { vertical-align: middle; } .slow td:first-child { width: 40%; overflow-wrap: anywhere; }
.slow td:last-child { width: 45%; } .num { white-space: nowrap; }
@media (max-width: 40rem) { body { font-size: 15px; padding: 1rem .7rem 3rem; }
  .log div { grid-template-columns: 4.4rem 1fr; } .log em { display: none; }
  .matrix th + th, .matrix td:empty { display: none; }
  .matrix tr { display: flex; flex-wrap: wrap; gap: 0 1rem; border-bottom: 1px solid var(--line); }
  .matrix td { border: 0; padding: .15rem 0; } .matrix td.name { flex: 1 0 100%; }
  .matrix td.cell::before { content: attr(data-variant) " "; color: var(--soft); font-size: .8rem; }
  .matrix th { border: 0; font-size: 1rem; color: var(--ink); padding-top: 1rem; } .slow td:first-child { width: 55%; } }
@media print { .case details[open] summary { display: none; } body { max-width: none; } }
"""

/** The stylesheet of all pages: near-black surfaces, one accent; colour is reserved for state. */
export const STYLES = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f5f6f8, #0a0b0e);
  --raised: light-dark(#ffffff, #13151a);
  --line: light-dark(#d5d8df, #272b34);
  --text: light-dark(#171a20, #dfe2e9);
  --muted: light-dark(#555b67, #99a0ae);
  --accent: light-dark(#5536c4, #b6a4ff);
  --sans: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
  --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace;
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; text-size-adjust: 100%; -webkit-text-size-adjust: 100%; }
body {
  margin: 0;
  background: var(--ground);
  color: var(--text);
  font: 1rem/1.6 var(--sans);
  font-variant-numeric: tabular-nums;
  overflow-wrap: break-word;
}
a { color: var(--accent); text-underline-offset: 0.2em; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 0.5rem; top: 0.5rem; padding: 0.5rem 1rem; background: var(--raised); z-index: 1; }

.bar {
  display: flex;
  flex-wrap: wrap;
  gap: 0.25rem 1.5rem;
  align-items: baseline;
  justify-content: space-between;
  padding: 0.75rem clamp(1rem, 4vw, 2rem);
  border-bottom: 1px solid var(--line);
  background: var(--raised);
}
.bar a { text-decoration: none; padding: 0.25rem 0; }
.bar a:hover { text-decoration: underline; }
.bar nav { display: flex; gap: 1.25rem; }
.brand { color: var(--text); font-weight: 650; letter-spacing: 0.01em; }

.frame { max-width: 47rem; margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 2rem) 4rem; }
main { min-width: 0; }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; }
h1 { margin: 0 0 1rem; font-size: 1.9rem; font-weight: 680; letter-spacing: -0.01em; }
h2 { margin: 2.75rem 0 0.75rem; padding-top: 1rem; border-top: 1px solid var(--line); font-size: 1.35rem; }
h3 { margin: 2rem 0 0.5rem; font-size: 1.1rem; }
p, ul, ol { margin: 0 0 1rem; }
ul, ol { padding-left: 1.35rem; }
li { margin: 0.3rem 0; }
li > p { margin: 0 0 0.3rem; }
.anchor { color: inherit; text-decoration: none; }
.anchor:hover::after, .anchor:focus-visible::after { content: ' #'; color: var(--muted); }

code, pre { font-family: var(--mono); font-size: 0.875em; }
code { padding: 0.1em 0.3em; background: light-dark(#e9ebf0, #1c1f27); border-radius: 3px; }
pre {
  margin: 0 0 1.25rem;
  padding: 0.9rem 1rem;
  overflow-x: auto;
  background: var(--raised);
  border: 1px solid var(--line);
  border-radius: 4px;
  line-height: 1.5;
  tab-size: 2;
}
pre code { padding: 0; background: none; font-size: 0.85rem; overflow-wrap: normal; }

.table { margin: 0 0 1.25rem; overflow-x: auto; background: var(--raised); border: 1px solid var(--line); border-radius: 4px; }
table { border-collapse: collapse; min-width: 100%; font-size: 0.9rem; line-height: 1.5; }
th, td { padding: 0.5rem 0.75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tr:last-child > td { border-bottom: 0; }
th { color: var(--muted); font-weight: 600; white-space: nowrap; }
td:not(.long) { white-space: nowrap; }
.long { min-width: min(14rem, 58vw); }

.contents { margin-bottom: 1.75rem; }
.contents summary { cursor: pointer; color: var(--muted); padding: 0.25rem 0; }
.contents ul { list-style: none; margin: 0; padding: 0; font-size: 0.92rem; }
.contents ul ul { margin: 0.2rem 0 0.5rem; padding-left: 0.85rem; border-left: 1px solid var(--line); }
.contents li { margin: 0; }
.contents a { display: block; padding: 0.25rem 0; color: var(--muted); text-decoration: none; line-height: 1.4; }
.contents a:hover { color: var(--accent); text-decoration: underline; }
.contents a[aria-current] { color: var(--text); font-weight: 600; }
.contents a code { background: none; padding: 0; }

.guides { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
.guides li { display: grid; gap: 0 1.5rem; margin: 0; padding: 0.75rem 0; border-bottom: 1px solid var(--line); }
.guides a { font-weight: 600; }
.guides span { color: var(--muted); }

.neighbours { display: flex; flex-wrap: wrap; gap: 0.5rem 2rem; justify-content: space-between; margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); }
.neighbours a { padding: 0.25rem 0; text-decoration: none; }
.neighbours a:hover { text-decoration: underline; }
.neighbours a[rel='prev']::before { content: '← '; }
.neighbours a[rel='next']::after { content: ' →'; }

@media (min-width: 40rem) {
  .guides li { grid-template-columns: 15rem 1fr; }
}
@supports selector(::details-content) {
  @media (min-width: 66rem) {
    .frame:has(.contents) { display: grid; grid-template-columns: 15rem minmax(0, 47rem); gap: 0 3rem; max-width: 69rem; }
    .contents { position: sticky; top: 1.5rem; align-self: start; max-height: calc(100vh - 3rem); overflow-y: auto; }
    .contents summary { display: none; }
    .contents details::details-content { content-visibility: visible; display: block; height: auto; }
  }
}
@media print {
  .bar, .contents, .neighbours { display: none; }
}
`

/** Where the edge's bundle takes a file of YAML in as text: see `rules` in wrangler.jsonc. */
declare module '*.yaml' {
  const text: string
  export { text as default }
}

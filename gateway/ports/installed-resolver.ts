/** The yt-dlp that `.tools.mjs` has found for this machine. */
export type InstalledResolver = {
  /** Such as `2026.10.26`; `null` where it does not run. */
  readonly version: string | null
  /** `system`: the system's own, because no current one could be installed. */
  readonly source: 'PyPI' | 'Debian' | 'system'
  /** The JavaScript runtime that solves YouTube's challenges, such as `node-24.1.0`. */
  readonly runtime: string | null
  /** Version of yt-dlp-ejs, the solver; `null`: yt-dlp fetches it where it has a runtime. */
  readonly solver: string | null
  /** Its program; `null` for the system's. */
  readonly path: string | null
}

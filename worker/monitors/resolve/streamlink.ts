import * as v from 'valibot'

/**
 * Builds the arguments that make streamlink list the streams of one page. The URL is normalized, as streamlink reads
 * text after a space as options. Throws for schemes other than http(s), such as streamlink's own (`hls://file://…`).
 */
export function buildStreamlinkArgs(url: string, proxy: string | null): readonly string[] {
  const { protocol, href } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error('streamlink accepts http(s) URLs only')
  const viaProxy = proxy === null ? [] : ['--http-proxy', proxy]
  return ['--json', '--http-timeout', '10', ...viaProxy, '--', href]
}

/** The used part of `streamlink --json`: an error, or streams by name (`240p`, `audio_only`, `best`, …). */
const StreamlinkListing = v.union([
  v.object({ error: v.string() }),
  v.object({
    streams: v.record(v.string(), v.object({ type: v.string(), url: v.optional(v.string()) })),
    metadata: v.optional(v.nullable(v.object({ title: v.optional(v.nullable(v.string())) }))),
  }),
])
export type StreamlinkListing = v.InferOutput<typeof StreamlinkListing>

/** Parses streamlink's stdout; `null` if it is not the expected JSON. */
export function parseStreamlink(stdout: string): StreamlinkListing | null {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), StreamlinkListing), stdout)
  return parsed.success ? parsed.output : null
}

import * as v from 'valibot'

/**
 * Arguments that make streamlink list the streams of one page. Its own protocols (`hls://file://…`) are refused: throws
 * on another scheme than http(s). The URL goes in as parsed, for text after a space would be options to it.
 */
export function streamlinkArgs(url: string, proxy: string | null): readonly string[] {
  const { protocol, href } = new URL(url)
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error('streamlink is given http(s) URLs only')
  const viaProxy = proxy === null ? [] : ['--http-proxy', proxy]
  return ['--json', '--http-timeout', '10', ...viaProxy, '--', href]
}

/** What is used of `streamlink --json`: an error, or streams by name (`240p`, `audio_only`, `best`, …). */
const StreamlinkListing = v.union([
  v.object({ error: v.string() }),
  v.object({
    streams: v.record(v.string(), v.object({ type: v.string(), url: v.optional(v.string()) })),
    metadata: v.optional(v.nullable(v.object({ title: v.optional(v.nullable(v.string())) }))),
  }),
])
export type StreamlinkListing = v.InferOutput<typeof StreamlinkListing>

/** What a run of streamlink that has ended wrote to stdout; `null` where that is not its JSON. */
export function parseStreamlink(stdout: string): StreamlinkListing | null {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), StreamlinkListing), stdout)
  return parsed.success ? parsed.output : null
}

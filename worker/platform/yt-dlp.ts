import * as v from 'valibot'

/**
 * Arguments that make yt-dlp tell what it knows of one page. The URL stands after `--`, where it can be no option; no
 * configuration of the machine counts; a broadcast that has no formats yet is an answer too.
 */
export function ytDlpArgs(url: string, proxy: string | null): readonly string[] {
  return [
    '--ignore-config',
    '--no-cache-dir',
    '--no-warnings',
    '--no-playlist',
    '--ignore-no-formats-error',
    '--socket-timeout',
    '10',
    ...(proxy === null ? [] : ['--proxy', proxy]),
    '--dump-json',
    '--',
    url,
  ]
}

const maybe = <T extends v.GenericSchema>(schema: T) => v.optional(v.nullable(schema), null)

const Format = v.object({
  url: v.string(),
  protocol: maybe(v.string()),
  vcodec: maybe(v.string()),
  acodec: maybe(v.string()),
  height: maybe(v.number()),
  tbr: maybe(v.number()),
  has_drm: maybe(v.unknown()),
})
export type YtDlpFormat = v.InferOutput<typeof Format>

/** What is used of yt-dlp's description of a page. */
const YtDlpPage = v.object({
  extractor_key: maybe(v.string()),
  title: maybe(v.string()),
  live_status: maybe(v.string()),
  is_live: maybe(v.boolean()),
  release_timestamp: maybe(v.number()),
  duration: maybe(v.number()),
  formats: maybe(v.array(Format)),
})
export type YtDlpPage = v.InferOutput<typeof YtDlpPage>

/** What a run of yt-dlp that has ended wrote to stdout; `null` where that is no description of a page. */
export function parseYtDlp(stdout: string): YtDlpPage | null {
  const [firstLine = ''] = stdout.split('\n', 1)
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), YtDlpPage), firstLine)
  return parsed.success ? parsed.output : null
}

import * as v from 'valibot'

/**
 * Builds the arguments that make yt-dlp describe one page. The URL follows `--`, so it cannot be an option. The
 * machine's configuration is ignored. A broadcast without formats is described too.
 */
export function buildYtDlpArgs(url: string, proxy: string | null): readonly string[] {
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

/** Makes a field optional: missing and `null` are the same. */
const maybe = <T extends v.GenericSchema>(schema: T) => v.optional(v.nullable(schema), null)

/** A time in seconds since 1970; `null` where a site has another number than one before the year 2200. */
const unixTime = v.pipe(
  maybe(v.number()),
  v.transform((sec) => (sec !== null && sec >= 0 && sec * 1000 < Date.UTC(2200, 0) ? sec : null)),
)

const YtDlpFormat = v.object({
  url: v.string(),
  /** The manifest that the format is from, such as an MPD. */
  manifest_url: maybe(v.string()),
  protocol: maybe(v.string()),
  vcodec: maybe(v.string()),
  acodec: maybe(v.string()),
  height: maybe(v.number()),
  tbr: maybe(v.number()),
  has_drm: maybe(v.unknown()),
})
export type YtDlpFormat = v.InferOutput<typeof YtDlpFormat>

/** The used part of yt-dlp's description of a page. */
const YtDlpPage = v.object({
  extractor_key: maybe(v.string()),
  title: maybe(v.string()),
  live_status: maybe(v.string()),
  is_live: maybe(v.boolean()),
  release_timestamp: unixTime,
  duration: maybe(v.number()),
  formats: maybe(v.array(YtDlpFormat)),
})
export type YtDlpPage = v.InferOutput<typeof YtDlpPage>

/** Parses yt-dlp's stdout; `null` if it is not a description of a page. */
export function parseYtDlp(stdout: string): YtDlpPage | null {
  const [firstLine = ''] = stdout.split('\n', 1)
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), YtDlpPage), firstLine)
  return parsed.success ? parsed.output : null
}

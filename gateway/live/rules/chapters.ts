/** A chapter of a recording: its begin in seconds, and the title that the broadcast had from there on. */
export type RecordingChapter = { readonly start: number; readonly title: string }

/** A shorter chapter is a correction of the title. */
const SHORTEST_SEC = 2

/**
 * Returns the chapters of a recording of `durationSec` seconds from the titles that its broadcast had; none where that was
 * one only. Titles of less than `SHORTEST_SEC` are left out, and the first chapter begins at 0.
 */
export function chaptersOf(titles: readonly RecordingChapter[], durationSec: number): readonly RecordingChapter[] {
  const chapters: RecordingChapter[] = []
  for (const [i, { start, title }] of titles.entries()) {
    const end = titles[i + 1]?.start ?? durationSec
    if (end - start < SHORTEST_SEC || chapters.at(-1)?.title === title) continue
    chapters.push({ start: chapters.length === 0 ? 0 : Math.round(start * 1000) / 1000, title })
  }
  return chapters.length < 2 ? [] : chapters
}

/** Returns chapters as a WebVTT file (W3C WebVTT §4.2), for players. */
export function formatChapters(chapters: readonly RecordingChapter[], durationSec: number): string {
  const cues = chapters.map(({ start, title }, i) => {
    const end = chapters[i + 1]?.start ?? Math.max(durationSec, start)
    return `\n${formatCueTime(start)} --> ${formatCueTime(end)}\n${escapeCue(title)}\n`
  })
  return `WEBVTT\n${cues.join('')}`
}

function formatCueTime(seconds: number): string {
  const ms = Math.round(seconds * 1000)
  const pad = (value: number, digits: number) => String(value).padStart(digits, '0')
  return `${pad(Math.floor(ms / 3_600_000), 2)}:${pad(Math.floor(ms / 60_000) % 60, 2)}:${pad(Math.floor(ms / 1000) % 60, 2)}.${pad(ms % 1000, 3)}`
}

function escapeCue(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

import { checkSync, streamRange } from './av-sync.ts'
import { checkBitRate } from './bit-rates.ts'
import { checkDecoding } from './decode.ts'
import { checkListedAudio } from './counts.ts'
import { checkDuration } from './durations.ts'
import { fileInput } from './ffmpeg-input.ts'
import { errorFinding, type Finding, hasError } from './findings.ts'
import { type PlannedTrack, planTracks } from './planned-tracks.ts'
import { type OutputProbe, probeOutput } from './probe-output.ts'
import { checkStreams } from './streams.ts'
import { checkTrackPresence } from './track-presence.ts'
import type { ValidationContext } from './validation-context.ts'

/** Checks the file of a single-file output, which must exist. */
export async function checkSingleFile(context: ValidationContext): Promise<readonly Finding[]> {
  const { plan, set, settings } = context
  const [track] = planTracks(plan)
  const input = fileInput(set.dir, set.entry)
  const result = await probeOutput(input, context, 'streams')
  if (track === undefined) return [errorFinding('NO_VIDEO_STREAM', set.entry, 'was planned without video and audio')]
  if (result.kind === 'failed') return [errorFinding('FFPROBE_FAILED', set.entry, `ffprobe ${result.reason}`)]
  const presence = checkTrackPresence(result.probe.streams, track, set.entry)
  const isComplete = settings.level === 'minimal' || presence.length > 0
  const findings = isComplete ? presence : checkContent(result.probe, track, context)
  if (!settings.decodeTest || hasError(findings)) return findings
  return [...findings, ...(await checkDecoding(input, context, set.entry))]
}

function checkContent(
  probe: OutputProbe,
  track: PlannedTrack,
  { plan, set, sizes }: ValidationContext,
): readonly Finding[] {
  const bytes = sizes.get(set.entry) ?? 0
  const durationSec = probe.durationSec ?? 0
  return [
    ...checkStreams(probe.streams, track, { plan, file: set.entry }),
    ...checkDuration(probe.durationSec, plan, set.entry),
    ...checkListedAudio(probe.streams, set.entry),
    ...checkSync(streamRange(probe, 'video'), streamRange(probe, 'audio'), set.entry),
    ...checkBitRate(track, { bytes, durationSec }, plan, set.entry),
  ]
}

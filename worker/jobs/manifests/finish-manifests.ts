import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ValidationIssue } from '../../../shared/contract/jobs.ts'
import type { OutputPlan, OutputSet } from '../plan/output-plan.ts'
import { BrokenSetError } from './broken-set-error.ts'
import { DASH_MANIFEST, formatDashManifest } from './dash-manifest.ts'
import { readFragmentedTrack } from './fragmented-track.ts'
import { formatMasterPlaylist, formatStreamPlaylist, MASTER_PLAYLIST, streamPlaylistName } from './hls-playlists.ts'
import type { ManifestTrack, SetTracks } from './manifest-track.ts'
import { readMediaSize, removeOtherFiles } from './set-folder.ts'
import { readTransportTrack } from './transport-track.ts'

/** A complete set, or the issue by which the encoded media do not fit the plan. */
export type ManifestsResult =
  | { readonly kind: 'finished'; readonly set: OutputSet }
  | { readonly kind: 'broken'; readonly issue: ValidationIssue }

/**
 * Writes playlists and manifest for the media that ffmpeg has written to `dir`, with the bit rates, durations and codecs of
 * the actual segments. Removes all files that are not part of the set. A single file needs no manifest.
 * @throws the signal's reason once it aborts; errors of the file system
 */
export async function finishManifests({
  plan,
  dir,
  signal,
}: {
  readonly plan: OutputPlan
  readonly dir: string
  readonly signal: AbortSignal
}): Promise<ManifestsResult> {
  try {
    const set = plan.container === 'mp4' ? await checkSingleFile(dir) : await writeSegmentedSet(plan, dir, signal)
    await removeOtherFiles(dir, set.files)
    return { kind: 'finished', set }
  } catch (error) {
    if (error instanceof BrokenSetError) return { kind: 'broken', issue: error.issue }
    throw error
  }
}

async function checkSingleFile(dir: string): Promise<OutputSet> {
  const [entry, second] = (await readdir(dir)).filter((name) => /\.(?:mp4|m4a)$/.test(name))
  if (entry === undefined) throw new BrokenSetError('FILE_NOT_FOUND', null, 'the output file is missing')
  if (second !== undefined)
    throw new BrokenSetError('FFPROBE_FAILED', second, `is a second output file beside ${entry}`)
  await readMediaSize(dir, entry)
  return { dir, files: [entry], entry }
}

async function writeSegmentedSet(plan: OutputPlan, dir: string, signal: AbortSignal): Promise<OutputSet> {
  const tracks = await readTracks(plan, dir, signal)
  const all = [...tracks.video, ...(tracks.audio === null ? [] : [tracks.audio])]
  const manifests = composeManifests(plan, tracks, all)
  for (const { name, text } of manifests) await writeFile(join(dir, name), text)
  const entry = plan.outputType === 'dash' ? DASH_MANIFEST : MASTER_PLAYLIST
  return { dir, files: [...all.flatMap(listTrackFiles), ...manifests.map(({ name }) => name)], entry }
}

/** Returns the playlists and manifests of a set; the entry is the last. */
function composeManifests(
  plan: OutputPlan,
  tracks: SetTracks,
  all: readonly ManifestTrack[],
): { name: string; text: string }[] {
  const dash = plan.container === 'hls' ? [] : [{ name: DASH_MANIFEST, text: formatDashManifest(plan, tracks) }]
  if (plan.container === 'dash') return dash
  const streams = all.map((track) => ({ name: streamPlaylistName(track), text: formatStreamPlaylist(track) }))
  const master = { name: MASTER_PLAYLIST, text: formatMasterPlaylist(plan, tracks) }
  return plan.outputType === 'dash' ? [...streams, master, ...dash] : [...streams, ...dash, master]
}

function listTrackFiles({ initName, segments }: ManifestTrack): string[] {
  return [...(initName === null ? [] : [initName]), ...segments.map(({ name }) => name)]
}

/** Reads all tracks. Video tracks have the indexes of the plan; a separate audio track has the next index. */
async function readTracks(plan: OutputPlan, dir: string, signal: AbortSignal): Promise<SetTracks> {
  const names = await readdir(dir)
  const read = async (index: number) => {
    signal.throwIfAborted()
    if (plan.container !== 'hls') return readFragmentedTrack(dir, names, index)
    return readTransportTrack(dir, index, { video: plan.video !== null, audio: plan.audio !== null })
  }
  const renditions = plan.video?.renditions ?? []
  const video: ManifestTrack[] = []
  for (const { index } of renditions) video.push(await read(index))
  const hasAudioTrack = plan.audio !== null && (plan.container !== 'hls' || plan.video === null)
  return { video, audio: hasAudioTrack ? await read(renditions.length) : null }
}

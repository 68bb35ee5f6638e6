import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ValidationIssue } from '../../../shared/contract/jobs.ts'
import type { OutputPlan, OutputSet } from '../output-plan.ts'
import { DASH_MANIFEST, writeDashManifest } from './dash-manifest.ts'
import { readFragmentedTrack } from './fragmented-track.ts'
import {
  MASTER_PLAYLIST,
  type SetTracks,
  streamPlaylistName,
  writeMasterPlaylist,
  writeStreamPlaylist,
} from './hls-playlists.ts'
import { mediaBytes, removeOthers } from './set-folder.ts'
import { SetFault } from './set-fault.ts'
import type { Track } from './track.ts'
import { readTransportTrack } from './transport-track.ts'

/** `broken`: what lies in the folder is not what the plan makes, by the code that validation has for it. */
export type FinishedManifests =
  | { readonly kind: 'finished'; readonly set: OutputSet }
  | { readonly kind: 'broken'; readonly issue: ValidationIssue }

/**
 * Writes the playlists and the manifest of what ffmpeg left in `dir`, with bit rates, lengths and codecs as they are in
 * the segments, and removes every file that is not part of the set: nothing else may lie there yet. Of one file there
 * is nothing to write. Rejects with the signal's reason once that is aborted, and where the disk fails.
 */
export async function finishManifests({
  plan,
  dir,
  signal,
}: {
  readonly plan: OutputPlan
  readonly dir: string
  readonly signal: AbortSignal
}): Promise<FinishedManifests> {
  try {
    const set = plan.container === 'mp4' ? await singleFile(dir) : await segmentedSet(plan, dir, signal)
    await removeOthers(dir, set.files)
    return { kind: 'finished', set }
  } catch (error) {
    if (error instanceof SetFault) return { kind: 'broken', issue: error.issue }
    throw error
  }
}

async function singleFile(dir: string): Promise<OutputSet> {
  const [entry, second] = (await readdir(dir)).filter((name) => /\.(?:mp4|m4a)$/.test(name))
  if (entry === undefined) throw new SetFault('FILE_NOT_FOUND', null, 'there is no output file')
  if (second !== undefined) throw new SetFault('FFPROBE_FAILED', second, `lies beside ${entry}, where one is expected`)
  await mediaBytes(dir, entry)
  return { dir, files: [entry], entry }
}

async function segmentedSet(plan: OutputPlan, dir: string, signal: AbortSignal): Promise<OutputSet> {
  const tracks = await readTracks(plan, dir, signal)
  const all = [...tracks.video, ...(tracks.audio === null ? [] : [tracks.audio])]
  const manifests = manifestsOf(plan, tracks, all)
  for (const { name, text } of manifests) await writeFile(join(dir, name), text)
  const entry = plan.outputType === 'dash' ? DASH_MANIFEST : MASTER_PLAYLIST
  return { dir, files: [...all.flatMap(filesOf), ...manifests.map(({ name }) => name)], entry }
}

/** The entry is the last. */
function manifestsOf(plan: OutputPlan, tracks: SetTracks, all: readonly Track[]): { name: string; text: string }[] {
  const dash = plan.container === 'hls' ? [] : [{ name: DASH_MANIFEST, text: writeDashManifest(plan, tracks) }]
  if (plan.container === 'dash') return dash
  const streams = all.map((track) => ({ name: streamPlaylistName(track), text: writeStreamPlaylist(track) }))
  const master = { name: MASTER_PLAYLIST, text: writeMasterPlaylist(plan, tracks) }
  return plan.outputType === 'dash' ? [...streams, master, ...dash] : [...streams, ...dash, master]
}

function filesOf({ initName, segments }: Track): string[] {
  return [...(initName === null ? [] : [initName]), ...segments.map(({ name }) => name)]
}

/** Sizes are numbered as planned; sound that is a track of its own has the number behind them. */
async function readTracks(plan: OutputPlan, dir: string, signal: AbortSignal): Promise<SetTracks> {
  const names = await readdir(dir)
  const read = async (index: number) => {
    signal.throwIfAborted()
    if (plan.container !== 'hls') return readFragmentedTrack(dir, names, index)
    return readTransportTrack(dir, index, { video: plan.video !== null, audio: plan.audio !== null })
  }
  const renditions = plan.video?.renditions ?? []
  const video: Track[] = []
  for (const { index } of renditions) video.push(await read(index))
  const hasSoundTrack = plan.audio !== null && (plan.container !== 'hls' || plan.video === null)
  return { video, audio: hasSoundTrack ? await read(renditions.length) : null }
}

import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { OWN_PRESETS, readPresetsFile } from './adapters/presets-file.ts'
import { readPresets } from './presets.ts'
import { SettingsError } from './settings-error.ts'

const OWN = readFileSync(OWN_PRESETS, 'utf8')

const GOOD = `
720p:
  description: up to 720p
  container: mp4
  video: { codec: h264, speed: fast, renditions: [{ height: 720, crf: 23 }] }
  audio: null
`

function problemsOf(yaml: string): readonly string[] {
  try {
    readPresets(yaml)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
  return []
}

describe('the presets that come with the gateway', () => {
  it('are those that are promised', () => {
    expect([...readPresets(OWN).keys()].toSorted()).toEqual([
      '1080p_h264',
      '1080p_h265',
      '480p_h264',
      '720p_h264',
      'audio_aac',
      'av1_1080p',
      'cmaf_1080p_abr',
      'dash_1080p',
      'hls_720p',
      'hls_720p_abr',
      'hls_720p_abr_video_only',
      'hls_720p_video_only',
    ])
  })

  it('give way to those of a file', async () => {
    expect(await readPresetsFile(null)).toEqual(readPresets(OWN))
    await expect(readPresetsFile('/nowhere/presets.yaml')).rejects.toThrow(/PRESETS_FILE cannot be read/)
  })
})

describe('a file of presets', () => {
  it('is read with what it leaves out', () => {
    expect(readPresets(GOOD).get('720p')).toMatchObject({
      segment_sec: null,
      video: { renditions: [{ height: 720, crf: 23, kbps: null }] },
    })
  })

  it('may name the same thing twice by an anchor', () => {
    const again = GOOD.replace('720p', 'again').replace(/video: .*/, 'video: *v')
    const twice = GOOD.replace('video: {', 'video: &v {') + again
    expect([...readPresets(twice).keys()]).toEqual(['720p', 'again'])
  })

  it('names preset and field of everything that is wrong at once', () => {
    const wrong = GOOD.replace('height: 720', 'height: 9').replace('audio: null', 'audio: { codec: mp3, kbps: 1 }')
    expect(problemsOf(wrong)).toEqual([
      'PRESETS_FILE 720p.video.renditions.0.height must be a whole number from 64 to 4320',
      'PRESETS_FILE 720p.audio.codec must be aac',
      'PRESETS_FILE 720p.audio.kbps must be a whole number from 16 to 512',
    ])
  })

  it.each([
    ['no YAML', '720p: [', 'no YAML'],
    ['a list', '- 1', 'must have presets'],
    ['nothing', '', 'must have presets'],
    ['no preset', '{}', 'at least one'],
    ['an unknown field', GOOD.replace('audio:', 'arguments: -vf x\n  audio:'), '720p.arguments is not a field'],
    ['a field left out', GOOD.replace('container: mp4', ''), '720p.container is required'],
    ['a name with other characters', GOOD.replace('720p:', '"720p; rm":'), 'other characters'],
    ['a name that JavaScript knows', GOOD.replace('720p:', '__proto__:').replace('mp4', 'mp5'), '__proto__.container'],
    ['the same name twice', GOOD + GOOD, 'unique'],
    ['a preset that is none', 'x: 1', 'x must be an object'],
    ['neither picture nor sound', GOOD.replace(/video: .*/, 'video: null'), 'must have video or audio'],
    ['both crf and kbps', GOOD.replace('crf: 23', 'crf: 23, kbps: 900'), 'either crf or kbps'],
    ['too much', `${GOOD}#${' '.repeat(300_000)}`, 'longer than'],
    ['depth without end', `x: ${'['.repeat(50_000)}`, 'no YAML'],
    ['aliases that swell', bomb(), 'no YAML'],
  ])('with %s is refused', (_what, yaml, why) => {
    expect(problemsOf(yaml)[0]).toMatch(/^PRESETS_FILE /)
    expect(problemsOf(yaml).join('\n')).toContain(why)
  })
})

/** Nine levels of nine aliases: a billion of what is written once. */
function bomb(): string {
  const levels = Array.from({ length: 8 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}]`)
  return ['l0: &l0 [x, x, x, x, x, x, x, x, x]', ...levels].join('\n')
}

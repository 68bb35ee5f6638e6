import { readFileSync } from 'node:fs'

import { describe, expect, it } from 'vitest'

import { createSettingTextReader } from '../adapters/files/setting-text.ts'
import { OWN_PRESETS_FILE } from '../testing/read-job-settings.ts'
import { OWN_PRESETS } from './index.ts'
import { readPresets } from './read-presets.ts'
import { SettingsError } from '../settings/settings-error.ts'

const OWN = readFileSync(OWN_PRESETS_FILE, 'utf8')

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
  it('are the documented ones', () => {
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

  it('are replaced by those of a file', async () => {
    const read = (env: Record<string, string>) => createSettingTextReader(env)('PRESETS_FILE', OWN_PRESETS)
    expect(readPresets(await read({}))).toEqual(readPresets(OWN))
    await expect(read({ PRESETS_FILE: '/nowhere/presets.yaml' })).rejects.toThrow(/PRESETS_FILE cannot be read/)
  })
})

describe('a file of presets', () => {
  it('is read with the defaults of what it leaves out', () => {
    expect(readPresets(GOOD).get('720p')).toMatchObject({
      segment_sec: null,
      video: { renditions: [{ height: 720, crf: 23, kbps: null }] },
    })
  })

  it('may reuse a value by an anchor', () => {
    const again = GOOD.replace('720p', 'again').replace(/video: .*/, 'video: *v')
    const twice = GOOD.replace('video: {', 'video: &v {') + again
    expect([...readPresets(twice).keys()]).toEqual(['720p', 'again'])
  })

  it('is refused with the preset and the field of every problem', () => {
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
    ['a preset that is no object', 'x: 1', 'x must be an object'],
    ['neither picture nor sound', GOOD.replace(/video: .*/, 'video: null'), 'must have video or audio'],
    ['both crf and kbps', GOOD.replace('crf: 23', 'crf: 23, kbps: 900'), 'either crf or kbps'],
    ['too many characters', `${GOOD}#${' '.repeat(300_000)}`, 'longer than'],
    ['unlimited depth', `x: ${'['.repeat(50_000)}`, 'no YAML'],
    ['aliases that grow exponentially', bomb(), 'no YAML'],
  ])('with %s is refused', (_what, yaml, why) => {
    expect(problemsOf(yaml)[0]).toMatch(/^PRESETS_FILE /)
    expect(problemsOf(yaml).join('\n')).toContain(why)
  })
})

/** Returns eight levels of nine aliases: 43 million values from a few lines. */
function bomb(): string {
  const levels = Array.from({ length: 8 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}]`)
  return ['l0: &l0 [x, x, x, x, x, x, x, x, x]', ...levels].join('\n')
}

import { readFile } from 'node:fs/promises'

import * as v from 'valibot'
import { expect, test } from 'vitest'
import { parse } from 'yaml'

import { Preset } from '../../shared/contract/presets.ts'

const file: unknown = parse(await readFile(new URL('presets.yaml', import.meta.url), 'utf8'))

test('the presets that come with the product are complete and match the schema', () => {
  const presets = v.parse(v.record(v.string(), Preset), file)
  const files = ['480p_h264', '720p_h264', '1080p_h264', '1080p_h265', 'av1_1080p', 'audio_aac']
  const hls = ['hls_720p', 'hls_720p_video_only', 'hls_720p_abr', 'hls_720p_abr_video_only']
  expect(Object.keys(presets).toSorted()).toEqual([...files, ...hls, 'dash_1080p', 'cmaf_1080p_abr'].toSorted())
})

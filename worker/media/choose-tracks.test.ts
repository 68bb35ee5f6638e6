import * as v from 'valibot'
import { describe, expect, test } from 'vitest'

import { chooseTracks } from './choose-tracks.ts'
import { FfprobeOutput } from './ffprobe-output.ts'

type TrackFields = { readonly codec_type: string; readonly disposition?: object } & Record<string, unknown>

const VIDEO = { codec_type: 'video', codec_name: 'h264', width: 640, height: 360, pix_fmt: 'yuv420p', nb_frames: '100' }
const AUDIO = { codec_type: 'audio', codec_name: 'aac', channels: 2, sample_rate: '48000', nb_frames: '100' }

function video(fields: object = {}): TrackFields {
  return { ...VIDEO, ...fields }
}

function audio(fields: object = {}): TrackFields {
  return { ...AUDIO, ...fields }
}

type FileFields = { readonly format?: string; readonly programs?: readonly (readonly number[])[] }

/** Chooses among tracks, and returns the indexes of the picture and the sound, and the reasons of the others. */
function choose(tracks: readonly TrackFields[], { format = 'matroska,webm', programs = [] }: FileFields = {}) {
  const file = v.parse(FfprobeOutput, {
    streams: tracks.map((track, index) => ({ index, ...track })),
    programs: programs.map((indexes) => ({ streams: indexes.map((index) => ({ index })) })),
    format: { format_name: format },
  })
  const choice = chooseTracks(file)
  const reasons = choice.tracks.filter(({ isChosen }) => !isChosen).map(({ index, reason }) => `${index}: ${reason}`)
  return { video: choice.video?.index, audio: choice.audio?.index, reasons, problems: choice.problems }
}

const MOV = { format: 'mov,mp4,m4a,3gp,3g2,mj2' }
const DEFAULT = { disposition: { default: 1 } }

describe('a track of no use', () => {
  test.each([
    ['without a decoder', { codec_name: undefined, codec_tag_string: 'apac' }, 'a codec that cannot be decoded (apac)'],
    ['that is encrypted', { codec_tag_string: 'enca' }, 'the sound is encrypted'],
    ['without packets', { channels: 0, sample_rate: '0' }, 'the sound has no packets'],
  ])('%s does not keep another one from being chosen', (_, fields, reason) => {
    const best = { channels: 6, ...DEFAULT }
    expect(choose([video(), audio({ ...best, ...fields }), audio()])).toMatchObject({
      video: 0,
      audio: 2,
      reasons: [expect.stringContaining(reason)],
      problems: { audio: null },
    })
  })

  test.each([
    ['of an unknown codec', { codec_name: undefined }],
    ['of an unknown size', { width: 0, height: 0 }],
    ['that is encrypted', { codec_tag_string: 'encv' }],
    ['that is too large', { width: 16_000, height: 9000 }],
    ['of Dolby Vision alone', { side_data_list: [{ dv_profile: 5 }] }],
    ['that is the enhancement layer of another one', { width: 1920, side_data_list: [{ bl_present_flag: 0 }] }],
  ])('is a picture %s beside another one', (_, fields) => {
    expect(choose([video(fields), video()])).toMatchObject({ video: 1, problems: { video: null } })
  })

  test('is the problem of its kind where there is no other one', () => {
    const { problems, audio: chosen } = choose([video({ codec_tag_string: 'encv' }), audio({ codec_name: undefined })])
    expect(chosen).toBeUndefined()
    expect(problems).toMatchObject({ video: { kind: 'refused' }, audio: { kind: 'useless' } })
  })
})

describe('of several pictures', () => {
  test.each([
    ['a cover', { disposition: { attached_pic: 1 } }],
    ['a track of preview pictures', { disposition: { attached_pic: 1, timed_thumbnails: 1 } }],
    ['a still', { disposition: { still_image: 1 } }],
    ['a single picture', { codec_name: 'mjpeg', nb_frames: '1' }],
    ['a picture every ten seconds', { codec_name: 'mjpeg', avg_frame_rate: '1/10' }],
    ['a translation into sign language', { disposition: { default: 1, hearing_impaired: 1 } }],
  ])('%s is not chosen beside a film', (_, fields) => {
    expect(choose([video({ width: 1920, height: 1080, ...fields }), video()]).video).toBe(1)
  })

  test('a cover alone is no picture, and a still alone is one', () => {
    expect(choose([video({ disposition: { attached_pic: 1 } }), audio()]).video).toBeUndefined()
    expect(choose([video({ nb_frames: '1' }), audio()]).video).toBe(0)
  })

  test('the enabled one, the default one, then the larger one is chosen', () => {
    expect(choose([video({ width: 1920 }), video(DEFAULT)], MOV)).toMatchObject({
      video: 1,
      reasons: ['0: it is disabled'],
    })
    expect(choose([video({ width: 1920 }), video(DEFAULT)]).reasons).toEqual(['0: it is not the default'])
    expect(choose([video(), video({ width: 1920 })])).toMatchObject({ video: 1, reasons: ['0: it is smaller'] })
    expect(choose([video(), video()])).toMatchObject({ video: 0, reasons: ['1: an equal track comes before it'] })
  })
})

describe('of several sounds', () => {
  test('the one with the most channels is chosen', () => {
    expect(choose([audio(), audio({ channels: 6 })])).toMatchObject({ audio: 1, reasons: ['0: it has fewer channels'] })
  })

  test('the default one is chosen before others with more channels', () => {
    expect(choose([audio({ channels: 6 }), audio(DEFAULT)]).audio).toBe(1)
  })

  test('a disabled one is chosen only where all are disabled', () => {
    expect(choose([audio({ channels: 6 }), audio(DEFAULT)], MOV).reasons).toEqual(['0: it is disabled'])
    expect(choose([video(DEFAULT), audio()], MOV).audio).toBe(1)
  })

  test.each([
    ['commentary', { disposition: { default: 1, comment: 1 } }],
    ['description for the blind', { disposition: { default: 1, visual_impaired: 1, descriptions: 1 } }],
    ['version for the hard of hearing', { disposition: { default: 1, hearing_impaired: 1 } }],
    ['part of a mix', { disposition: { default: 1, dependent: 1 } }],
    ['track without voices', { disposition: { default: 1, clean_effects: 1 } }],
    ['commentary by its title', { ...DEFAULT, tags: { title: "Director's Commentary" } }],
    ['description by its handler', { ...DEFAULT, tags: { handler_name: 'Audio Description' } }],
  ])('a %s is not chosen, even if it is the default', (_, fields) => {
    expect(choose([audio({ channels: 6, ...fields }), audio()]).audio).toBe(1)
    expect(choose([audio(fields)]).audio).toBe(0)
  })

  test('the original is chosen before a dub, and the language of the picture before others', () => {
    const dub = audio({ channels: 6, disposition: { dub: 1 } })
    expect(choose([dub, audio({ disposition: { original: 1 } })])).toMatchObject({
      audio: 1,
      reasons: ['0: it is dubbed'],
    })
    const [english, japanese] = ['eng', 'jpn'].map((language) => ({ tags: { language } }))
    const tracks = [video(japanese), audio({ channels: 6, ...english }), audio(japanese)]
    expect(choose(tracks)).toMatchObject({ audio: 2, reasons: ['1: it is in another language'] })
  })

  test('the language of the first counts where the picture states none; English is none in Matroska', () => {
    const [english, german] = ['eng', 'ger'].map((language) => ({ tags: { language } }))
    const tracks = [
      video(english),
      audio(german),
      audio({ channels: 6, ...english }),
      audio({ channels: 6, ...german }),
    ]
    expect(choose(tracks).audio).toBe(3)
    expect(choose(tracks, { format: 'mpegts' }).audio).toBe(2)
    expect(choose([audio(), audio({ channels: 6, ...english })]).audio).toBe(1)
  })
})

describe('of several programs', () => {
  const TS = { format: 'mpegts' }

  test('the sound is that of the picture, whatever another program has', () => {
    const tracks = [video(), audio(), video(), audio({ channels: 6, ...DEFAULT })]
    expect(
      choose(tracks, {
        ...TS,
        programs: [
          [0, 1],
          [2, 3],
        ],
      }),
    ).toMatchObject({
      video: 0,
      audio: 1,
      reasons: ['2: it belongs to another program', '3: it belongs to another program'],
    })
  })

  test('the first with picture and sound is chosen', () => {
    const tracks = [audio(), video(), video(), audio()]
    expect(choose(tracks, { ...TS, programs: [[0], [1], [2, 3]] })).toMatchObject({ video: 2, audio: 3 })
    expect(choose([audio(), video()], { ...TS, programs: [[0], [1]] })).toMatchObject({ video: 1, audio: undefined })
    const useless = video({ width: 0 })
    expect(
      choose([useless, audio(), video(), audio()], {
        ...TS,
        programs: [
          [0, 1],
          [2, 3],
        ],
      }).video,
    ).toBe(2)
  })

  test('a track of no program joins the one that lacks it, and a track of two belongs to both', () => {
    expect(choose([video(), audio()], { ...TS, programs: [[0]] })).toMatchObject({ video: 0, audio: 1 })
    const tracks = [audio({ channels: 6 }), video(), audio()]
    expect(choose(tracks, { ...TS, programs: [[1, 2]] })).toMatchObject({
      audio: 2,
      reasons: ['0: it belongs to no program'],
    })
    expect(
      choose(tracks, {
        ...TS,
        programs: [
          [1, 2],
          [0, 1],
        ],
      }).audio,
    ).toBe(2)
  })
})

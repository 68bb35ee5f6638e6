import type { FfprobeStream } from './ffprobe-output.ts'

/** Titles of tracks whose muxer sets no flags. */
const SECONDARY_TITLE =
  /comment(?:ary|aries|aire)|kommentar|comentari[oa]|audio[- ]?des[ck]ri|descri(?:ptive|bed)|hörfilm|(?:visually|hearing)[- ]impaired/i

/** Returns whether a sound track is no programme sound by itself: a commentary, for the impaired, or a part of a mix. */
export function isSecondarySound(track: FfprobeStream): boolean {
  const { comment, hearing_impaired, visual_impaired, descriptions, dependent, clean_effects, karaoke } =
    track.disposition
  const flags = [comment, hearing_impaired, visual_impaired, descriptions, dependent, clean_effects, karaoke]
  return flags.includes(1) || hasSecondaryTitle(track)
}

/** Returns whether a picture track is a still, a layer on another one, a commentary, or for the impaired (sign language). */
export function isSecondaryPicture({ disposition, side_data_list: sideData }: FfprobeStream): boolean {
  const { still_image, dependent, comment, hearing_impaired, visual_impaired, descriptions } = disposition
  const flags = [still_image, dependent, comment, hearing_impaired, visual_impaired, descriptions]
  // Dolby Vision may have its enhancement layer in a track of its own.
  return flags.includes(1) || sideData.some(({ bl_present_flag: hasBase }) => hasBase === 0)
}

function hasSecondaryTitle({ tags: { title, name, handler_name: handler } }: FfprobeStream): boolean {
  return [title, name, handler].some((text) => text !== undefined && SECONDARY_TITLE.test(text))
}

/** The problems of a live worker that its health names in words. Details may follow after a colon. */
export const ENCODING_PROBLEMS = {
  no_picture: 'the encoder sends no picture',
  unreadable: 'what the encoder sends cannot be read',
  picture_unreadable: 'the picture of the encoder cannot be read',
  too_large: 'the picture is too large',
  too_small: 'the picture is too small',
  not_stored: 'segments cannot be stored',
} as const
export type EncodingProblem = keyof typeof ENCODING_PROBLEMS

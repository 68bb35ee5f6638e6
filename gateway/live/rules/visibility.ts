import * as v from 'valibot'

/** Who may watch a broadcast. `unlisted`: all who have its address. `followers`: who follows its owner. */
export const Visibility = v.picklist(
  ['public', 'unlisted', 'followers', 'private'],
  'must be public, unlisted, followers or private',
)
export type Visibility = v.InferOutput<typeof Visibility>

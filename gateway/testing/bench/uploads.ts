import { timeUploads } from '../../../worker/testing/upload-times.ts'
import type { Row } from './row.ts'

const FILES = 300

/** A set of small files into an S3 store: as a job delivers it, against one file after the other. */
export async function benchUploads(): Promise<Row[]> {
  const { deliveredSec, oneByOneSec } = await timeUploads(FILES)
  return [
    {
      name: `upload of ${FILES} small files to S3, 5 ms away, playlists last`,
      ours: `${deliveredSec.toFixed(2)} s`,
      compared: `one by one: ${oneByOneSec.toFixed(2)} s`,
      ratio: deliveredSec / oneByOneSec,
      goal: '≤ 0.5',
    },
  ]
}

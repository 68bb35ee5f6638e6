/** The folder of clips below that of their broadcast. */
export const CLIP_FOLDER = 'clips'

/** Where the files of a clip are in the store. */
export type ClipFiles = { readonly output: string; readonly poster: string }

/** Returns the paths of the files of a clip, given the folder of its broadcast with a slash at its end. */
export function clipFilesOf(folder: string, clipId: string): ClipFiles {
  const path = `${folder}${CLIP_FOLDER}/${clipId}`
  return { output: `${path}.mp4`, poster: `${path}.jpg` }
}

import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Returns the temporary files of running and interrupted puts below a store's folder on the server's disk. */
export async function listPartialUploads(
  dir: string,
): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
  const entries = await readdir(dir, { recursive: true })
  const names = entries.filter((name) => name.endsWith('.part'))
  return Promise.all(names.map(async (name) => ({ name, bytes: await readSize(join(dir, name)) })))
}

async function readSize(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  )
}

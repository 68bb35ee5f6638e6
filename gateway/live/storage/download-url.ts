import { toDownloadUrl } from '../../media/routes.ts'
import { chooseStorage } from '../choose-storage.ts'
import type { LiveContext } from '../context.ts'

/**
 * Returns the address at which a stored file is saved under its title. The files of a bucket are public and not signed: there,
 * only the headers that a file was stored with say how it is saved.
 */
export function downloadUrlOf({ settings }: LiveContext, url: string, title: string): string {
  return chooseStorage(settings.live.stores) === 'local' ? toDownloadUrl(url, title) : url
}

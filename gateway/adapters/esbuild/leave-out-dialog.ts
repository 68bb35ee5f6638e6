import type { Plugin } from 'esbuild'

const DIALOG = /\/media-keyboard-shortcuts-dialog\.js$/
/** What the player's controller needs of that module. */
const REST = 'export const getHotkeyToken = (key) => (key === " " ? "nospace" : `no${key.toLowerCase()}`)'

/**
 * Leaves media-chrome's dialog of its keys out of bundles: 3 kB that each player loads, for styles that the policy of pages
 * forbids. Players turn its key off (`hotkeys="noshift+/"`).
 */
export const leaveOutDialog: Plugin = {
  name: 'leave-out-dialog',
  setup(build) {
    build.onLoad({ filter: DIALOG }, () => ({ contents: REST, loader: 'js' }))
  },
}

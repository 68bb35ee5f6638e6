/** The package has no types of its own for the build without subtitles, alternative sound and encryption. */
declare module 'hls.js/light' {
  export { default } from 'hls.js'
}

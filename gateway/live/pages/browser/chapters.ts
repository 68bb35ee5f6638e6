/** Makes the list of chapters lead the player, and marks the one that plays. */
export function attachChapters(screen: HTMLElement): void {
  const links = [...document.querySelectorAll<HTMLAnchorElement>('[data-seek]')]
  const startOf = (link: HTMLAnchorElement) => Number(link.dataset['seek'])
  const markCurrent = ({ currentTime }: HTMLVideoElement) => {
    const current = links.findLast((link) => startOf(link) <= currentTime)
    for (const link of links) {
      if (link === current) link.setAttribute('aria-current', 'true')
      else link.removeAttribute('aria-current')
    }
  }
  for (const link of links) {
    link.addEventListener('click', (event) => {
      const video = screen.querySelector('video')
      if (video === null) return
      event.preventDefault()
      video.currentTime = startOf(link)
      void video.play().catch(() => undefined)
      screen.scrollIntoView({ block: 'nearest' })
    })
  }
  if (links.length === 0) return
  // Events of a video do not bubble.
  for (const name of ['timeupdate', 'seeking']) {
    screen.addEventListener(name, ({ target }) => target instanceof HTMLVideoElement && markCurrent(target), true)
  }
}

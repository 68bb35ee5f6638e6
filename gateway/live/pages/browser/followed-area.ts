/** Interval of reading an area while no events say what changes, and while they do, in seconds. */
const [ALONE_SEC, FOLLOWED_SEC] = [2, 60]

/** An area of the page of whose changes events say while there is a connection. */
export type FollowedArea = {
  /** Reads the area less often; now, where `isChanged`. */
  follow(isChanged: boolean): void
  /** Lets the area be read at its short interval again: no events say what changes any more. */
  leave(): void
}

/** Attaches an area that the script of all pages keeps up to date, if the page has it. */
export function attachFollowedArea(selector: string): FollowedArea {
  const area = document.querySelector<HTMLElement>(selector)
  let isFollowed = false
  const refresh = () => area?.dispatchEvent(new Event('refresh'))

  function setFollowed(isNowFollowed: boolean): void {
    isFollowed = isNowFollowed
    if (area !== null) area.dataset['every'] = String(isFollowed ? FOLLOWED_SEC : ALONE_SEC)
  }

  return {
    follow(isChanged) {
      setFollowed(true)
      if (isChanged) refresh()
    },
    leave() {
      if (!isFollowed) return
      setFollowed(false)
      refresh()
    },
  }
}

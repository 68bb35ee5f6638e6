from yt_dlp.extractor.common import InfoExtractor
from yt_dlp.utils import ExtractorError


class TestSiteIE(InfoExtractor):
    """Requests the state of a broadcast from worker/testing/broadcast-site.ts and returns it like YouTube's extractor."""

    _VALID_URL = r'(?P<page>http://127\.0\.0\.1:\d+/watch/(?P<id>[\w-]+))$'

    def _real_extract(self, url):
        page, video_id = self._match_valid_url(url).group('page', 'id')
        state = self._download_json(f'{page}/state', video_id)
        if state.get('error'):
            raise ExtractorError(state['error'], expected=True)
        formats = []
        if state.get('manifest_url'):
            formats = self._extract_m3u8_formats(state['manifest_url'], video_id, 'mp4', live=True)
        self._sort_formats(formats)
        if not formats and state['live_status'] == 'is_upcoming':
            self.raise_no_formats('This live event will begin in 46 minutes.', expected=True)
        return {
            'id': video_id,
            'title': state['title'],
            'live_status': state['live_status'],
            'release_timestamp': state.get('release_timestamp'),
            'formats': formats,
        }

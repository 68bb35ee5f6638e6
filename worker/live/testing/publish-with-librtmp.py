"""Publishes an FLV file with librtmp, the library of rtmpdump. Usage: publish-with-librtmp.py [URL FILE]
Without arguments: exit code 0 where the library is installed, otherwise 1."""
import ctypes
import sys

try:
    rtmp = ctypes.CDLL("librtmp.so.1")
except OSError as error:
    sys.exit(str(error))
if len(sys.argv) < 3:
    sys.exit(0)

rtmp.RTMP_Alloc.restype = ctypes.c_void_p
url = ctypes.create_string_buffer(sys.argv[1].encode())
with open(sys.argv[2], "rb") as file:
    flv = file.read()
session = ctypes.c_void_p(rtmp.RTMP_Alloc())
rtmp.RTMP_Init(session)
if not rtmp.RTMP_SetupURL(session, url):
    sys.exit("the URL is refused")
rtmp.RTMP_EnableWrite(session)
if not rtmp.RTMP_Connect(session, None) or not rtmp.RTMP_ConnectStream(session, 0):
    sys.exit("the server refuses the publication")
if rtmp.RTMP_Write(session, flv, len(flv)) <= 0:
    sys.exit("the file could not be sent")
rtmp.RTMP_Close(session)
rtmp.RTMP_Free(session)

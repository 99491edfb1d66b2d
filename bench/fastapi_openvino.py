"""The same engine behind FastAPI, as one would write it in an hour. Kept to compare with."""

import asyncio
import socket
import threading

import cv2
import numpy as np
import uvicorn
from fastapi import FastAPI, Request

from bench.bare import compiled, decode, letterbox, new_request
from jointtrack_server.cpus import available_cpus

MODEL, SIZE = "movenet-lightning", 192

app = FastAPI()
_of_thread = threading.local()


def infer(data: bytes) -> list[list[float]]:
    """Keypoints as MoveNet gives them, 17 times y, x, score."""
    if not hasattr(_of_thread, "request"):
        model = compiled(MODEL, "auto", available_cpus())
        _of_thread.request, _of_thread.tensor = new_request(model, SIZE)
    letterbox(decode(np.frombuffer(data, np.uint8)), _of_thread.tensor)
    _of_thread.request.start_async()
    _of_thread.request.wait()
    keypoints: list[list[float]] = _of_thread.request.get_output_tensor().data[0, 0].tolist()
    return keypoints


@app.post("/detect")
async def detect(request: Request) -> dict[str, list[list[float]]]:
    data = await request.body()
    return {"keypoints": await asyncio.to_thread(infer, data)}


def main() -> None:
    cv2.setNumThreads(1)
    infer(cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes())
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"HTTP on 127.0.0.1:{listener.getsockname()[1]}", flush=True)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()

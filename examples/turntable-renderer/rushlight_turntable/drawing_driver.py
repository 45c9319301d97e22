"""Draws every frame of an order: ``python -m rushlight_turntable.drawing_driver ORDER.json``."""

import json
import math
import sys
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Point = tuple[float, float, float]
# Drawn so much larger, and then made smaller: edges come out smooth.
OVERSAMPLING = 2
PITCH = math.radians(22)
LIGHT: Point = (-0.45, 0.75, 0.49)
CLAY = (222, 150, 84)
BACKGROUND = ((38, 44, 58), (120, 128, 142))


def read_model(path: Path) -> tuple[list[Point], list[list[int]]]:
    """Corners, moved and scaled into a ball of radius 1, and the faces between them."""
    points: list[Point] = []
    faces: list[list[int]] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        kind, *words = line.split() or [""]
        if kind == "v":
            points.append((float(words[0]), float(words[1]), float(words[2])))
        elif kind == "f":
            numbers = [int(word.split("/")[0]) for word in words]
            faces.append([n - 1 if n > 0 else len(points) + n for n in numbers])
    if not faces or min(map(len, faces)) < 3:
        raise ValueError("it has no faces, or faces with fewer than three corners")
    if not all(0 <= n < len(points) for face in faces for n in face):
        raise ValueError("it has faces with corners that are not there")
    middle = [(min(axis) + max(axis)) / 2 for axis in zip(*points, strict=True)]
    radius = max(math.dist(point, middle) for point in points) or 1.0
    return [
        ((x - middle[0]) / radius, (y - middle[1]) / radius, (z - middle[2]) / radius)
        for x, y, z in points
    ], faces


def turned(point: Point, angle: float) -> Point:
    """Turned about the upright axis."""
    x, y, z = point
    return x * math.cos(angle) + z * math.sin(angle), y, z * math.cos(angle) - x * math.sin(angle)


def brightness(corners: list[Point]) -> float:
    """How much light a face takes, on the side that is seen."""
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = corners[:3]
    u, v = (bx - ax, by - ay, bz - az), (cx - ax, cy - ay, cz - az)
    normal = (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
    length = math.hypot(*normal) or 1.0
    seen = 1 if normal[1] * math.sin(PITCH) + normal[2] * math.cos(PITCH) >= 0 else -1
    falling = sum(n * light for n, light in zip(normal, LIGHT, strict=True)) / length
    return 0.25 + 0.75 * max(0.0, seen * falling)


def draw(
    points: list[Point], faces: list[list[int]], angle: float, size: tuple[int, int]
) -> Image.Image:
    """One picture: a backdrop, the shadow on the floor, and the faces from the farthest on."""
    width, height = size[0] * OVERSAMPLING, size[1] * OVERSAMPLING
    scale, floor = min(width, height) * 0.42, min(y for _, y, _ in points)

    def seen(x: float, y: float, z: float) -> tuple[float, float, float]:
        nearer = z * math.cos(PITCH) + y * math.sin(PITCH)
        zoom = scale * 4 / (4 - nearer)
        up = y * math.cos(PITCH) - z * math.sin(PITCH)
        return width / 2 + x * zoom, height / 2 - up * zoom, nearer

    model = [turned(point, angle) for point in points]
    corners = [seen(*point) for point in model]
    fallen = [(y - floor) / LIGHT[1] for _, y, _ in model]
    dropped = [
        seen(x - LIGHT[0] * far, floor, z - LIGHT[2] * far)[:2]
        for (x, _, z), far in zip(model, fallen, strict=True)
    ]
    picture = Image.composite(
        Image.new("RGB", (width, height), BACKGROUND[1]),
        Image.new("RGB", (width, height), BACKGROUND[0]),
        Image.linear_gradient("L").resize((width, height)),
    )
    shadow = Image.new("L", picture.size, 255)
    canvas = ImageDraw.Draw(shadow)
    for face in faces:
        canvas.polygon([dropped[n] for n in face], fill=120)
    shadow = shadow.filter(ImageFilter.GaussianBlur(scale / 40))
    picture = ImageChops.multiply(picture, shadow.convert("RGB"))
    canvas = ImageDraw.Draw(picture)
    for face in sorted(faces, key=lambda face: sum(corners[n][2] for n in face) / len(face)):
        light = brightness([model[n] for n in face])
        canvas.polygon([corners[n][:2] for n in face], fill=tuple(int(c * light) for c in CLAY))
    return picture.resize(size, Image.Resampling.LANCZOS)


def main() -> int:
    """Follow the order; 3 if the model is of no use."""
    order = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    try:
        points, faces = read_model(Path(order["model"]))
    except (ValueError, IndexError) as error:
        print(f"{Path(order['model']).name} is no model: {error}")
        return 3
    for frame, output in order["outputs"]:
        angle = 2 * math.pi * (((frame or 1) - 1) % order["turn"]) / order["turn"]
        draw(points, faces, angle, (order["width"], order["height"])).save(output)
        print("SAVED" if frame is None else f"SAVED frame={frame}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

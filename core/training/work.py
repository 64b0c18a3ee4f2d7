"""What a worker does for a job folder: train and score, or score again with other settings."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import cv2
import numpy as np
import torch

from core.config import ProgressiveConfig, TrainingConfig
from core.errors import TrainingError
from core.evaluation.passes import PassesProposal
from core.events import Done
from core.files import atomic_write
from core.imaging import Window
from core.inference.loading import Loaded, load_rows, to_input
from core.inference.predictor import Predictor
from core.inference.scoring import Scorer, Summary
from core.jobfiles import JobSpec, ManifestRow, MeasureSpec, weights_file
from core.jobs import Job
from core.models import Recipe, build
from core.models.base import Detector
from core.preprocess import Preprocessor
from core.regions import Regions
from core.synthesis import DefectSynthesiser, TextureSource
from core.synthesis.batched import outlines_on
from core.training import checkpoint, proposing
from core.training.compiling import compile_networks
from core.training.control import Control
from core.training.data import Place, Samples, to_device, tuning_samples
from core.training.devices import Device, reading_threads
from core.training.follower import Follower
from core.training.group import Group, Released
from core.training.images import ImageCache, ImageSet, load_images, no_good_images
from core.training.judge import Judge, OwnerGone, StopAsked
from core.training.loop import Trainer
from core.training.progress import BEST, LAST
from core.training.recording import identity_of, write_settings
from core.training.reporter import Reporter
from core.training.trial import Trial

_NAMED: Final = 100  # unreadable images that are named one by one
_SECOND_PASS: Final = 1.5  # some images go through again, and not those that are measured
_MAP_S: Final = 0.01  # areas and the PNG of one map
_MEASURED: Final = 8
Training = TypeVar("Training", bound=Trainer)
Builder = Callable[[TrainingConfig], Recipe]


@dataclass(frozen=True)
class Worker:
    """One job at work: its folder, the two ends of the conversation with its owner, the processes that share it."""

    job: Job
    spec: JobSpec
    config: TrainingConfig
    reporter: Reporter
    control: Control
    builder: Builder = build
    group: Group = field(default_factory=Group)

    @property
    def folder(self) -> Path:
        return self.job.folder

    @property
    def window(self) -> Window | None:
        return None if self.spec.window is None else Window(*self.spec.window)

    def look_up(self) -> None:
        """Raises `OwnerGone` when nobody is left."""
        if self.control.owner_gone:
            raise OwnerGone

    def work(self) -> Done:
        """This process's part of the job. Raises `OwnerGone`, `TrainingError`, `StorageError`."""
        if self.group.rank:
            return self.follow()
        if self.spec.measure is not None:
            return self.measure(self.spec.measure)
        return self.train() if self.spec.command == "train" else self.score()

    def train(self) -> Done:
        """Train, then score tuning and test images. A second *stop* leaves out what is not scored by then."""
        device = self._device()
        rows = list(self.job.manifest())
        self.reporter.phase("loading", "Reading the good images")
        cache = self._cache()
        try:
            to_score = sum(row.split in (self.spec.score.splits or ("tuning", "test")) for row in rows)
            trainer = self._trainer(Trainer, rows, cache, device, to_score)
            if self.spec.resume:
                trainer.resume()
            self._hello(device, resumed=trainer.progress.step > 0)
            end = trainer.run()
        except StopAsked:
            return Done(outcome="stopped", seconds=self.reporter.elapsed, memory=self.reporter.peak_memory)
        finally:
            cache.drop()
        if not trainer.progress.step:
            return self._done("stopped", trainer, Summary(0, 0, complete=False))
        self._write_model(trainer, device)
        self._propose_passes(trainer, device, sum(row.split == "tuning" and row.label == "good" for row in rows))
        picked = [row for row in rows if row.split in (self.spec.score.splits or ("tuning", "test"))]
        out = self.folder / "scores" / self.spec.score.scoring
        summary = self._score(trainer.judge.model, picked, out, device, BEST)
        return self._done(end, trainer, summary)

    def measure(self, spec: MeasureSpec) -> Done:
        """Two steps of the training, and what all of it would take; there is no model at the end."""
        device = self._device()
        self.reporter.phase("loading", "Reading some good images")
        cache = self._cache()
        try:
            trial = self._trainer(Trial, list(self.job.manifest()), cache, device, spec.to_score)
            self._hello(device, resumed=False)
            self.reporter.tell(trial.measure(spec.share))
        finally:
            cache.drop()
        return Done(outcome="finished", seconds=self.reporter.elapsed, memory=self.reporter.peak_memory)

    def score(self) -> Done:
        """Score this job's images with a finished training's weights."""
        device = self._device()
        rows = list(self.job.manifest())
        wanted = self.spec.score.splits
        picked = [row for row in rows if wanted is None or row.split in wanted]
        self.reporter.phase("loading", "Reading the model")
        model = self.builder(self.config).model.to(device.device)
        self._hello(device, resumed=False)
        source = self.training_folder / weights_file(self.spec.score.weights)
        summary = self._score(model, picked, self.folder, device, str(source))
        return Done(
            outcome="finished" if summary.complete else "stopped",
            seconds=self.reporter.elapsed,
            weights=str(source),
            scores=str(self.folder),
            scored=summary.scored,
            unreadable=summary.unreadable,
            memory=self.reporter.peak_memory,
        )

    def follow(self) -> Done:
        """Do what the first process of the job says, until it needs this one no more; only rank 0 does not follow."""
        device = self._device()
        cache = self._cache()
        try:
            order = self._follow_training(cache, device) if self.spec.command == "train" else self.group.hear()
            while True:
                self._help_scoring(order, device)
                order = self.group.hear()
        except Released:
            return Done(outcome="finished", seconds=self.reporter.elapsed, memory=self.reporter.peak_memory)
        finally:
            cache.drop()

    @property
    def seed(self) -> int:
        return self.config.train.seed if self.spec.seed is None else self.spec.seed

    @property
    def training_folder(self) -> Path:
        """Where the weights are: the job itself, or the training that a scoring names (relative to the scoring)."""
        named = self.spec.score.training
        if named is None:
            return self.folder if self.spec.command == "train" else self.folder.parent.parent
        return (self.folder / named).resolve()

    def _device(self) -> Device:
        cv2.setNumThreads(1)  # the loaders are threads already; more would only fight with torch
        train = self.config.train
        return Device(precision=train.amp, threads=train.threads, sharing=self.group.local_size)

    def _cache(self) -> ImageCache:
        name = "crops.u8" if self.group.rank == 0 else f"crops.{self.group.rank}.u8"
        limit = self.config.train.cache_mb * 2**20 // self.group.local_size
        return ImageCache(self.folder / "cache" / name, limit=limit)

    def _hello(self, device: Device, *, resumed: bool) -> None:
        self.reporter.hello(
            framework=device.framework,
            computing_on=device.name if self.group.alone else f"{self.group.size} × {device.name}",
            threads=device.threads,
            resumed=resumed,
            nondeterministic=device.nondeterministic,
        )

    def _trainer(
        self, kind: type[Training], rows: list[ManifestRow], cache: ImageCache, device: Device, to_score: int
    ) -> Training:
        config, seed = self.config, self.seed
        good, images = self._good_images(rows, cache)
        tuning = self._tuning(rows, images)
        self.reporter.phase("preparing", "Building the model")
        synthesiser = self._synthesiser(images, device)
        samples = self._samples(images, synthesiser)
        live, channels_last = self._live(device, samples)
        shadow = self.builder(config)
        device.place(shadow.model, channels_last=channels_last)
        judge = Judge(
            config,
            live,
            shadow,
            device=device,
            samples=samples,
            tuning=tuning_samples(tuning.crops, synthesiser, regions=tuning.regions),
            channels_last=channels_last,
            look_up=self.look_up,
        )
        return kind(
            config,
            self.folder,
            live,
            samples=samples,
            judge=judge,
            device=device,
            reporter=self.reporter,
            control=self.control,
            identity=identity_of(config, seed, good, len(images)),
            seed=seed,
            channels_last=channels_last,
            afterwards=lambda: self._afterwards(judge, images, to_score, device),
            group=self.group,
            maps=round(to_score * len(images) / len(set(images.ids)) * config.preprocess.size**2),
        )

    def _follow_training(self, cache: ImageCache, device: Device) -> dict[str, Any]:
        _, images = self._good_images(list(self.job.manifest()), cache)
        samples = self._samples(images, self._synthesiser(images, device))
        recipe, channels_last = self._live(device, samples)
        follower = Follower(
            self.config,
            self.folder,
            recipe,
            samples=samples,
            device=device,
            group=self.group,
            seed=self.seed,
            channels_last=channels_last,
        )
        return follower.run()

    def _good_images(self, rows: list[ManifestRow], cache: ImageCache) -> tuple[list[ManifestRow], ImageSet]:
        """The rows to learn from, and what of them can be read: the same in every process. Raises `TrainingError`."""
        good = [row for row in rows if row.split == "train" and row.label == "good"]
        left_out = sum(row.split == "train" for row in rows) - len(good)
        if left_out:
            self.reporter.warn("not_good", f"{left_out} training images are not good ones and were left out.")
        images = self._load(good, cache)
        if not len(images):
            raise no_good_images(len(good))
        if len(images) < self.config.train.batch:
            self.reporter.warn("few", f"Only {len(images)} good images: each is used several times in a step.")
        read = hashlib.sha256(np.asarray(images.ids).tobytes()).hexdigest()
        if self.group.rank == 0:
            self.group.tell({"do": "read", "images": read})
        elif self.group.hear()["images"] != read:
            raise TrainingError(
                "not all processes of this training can read the same images",
                path=self.reporter.folder,
                kept="Nothing was changed",
                mend="All machines must see the images under the same paths",
                reason="devices",
            )
        return good, images

    def _samples(self, images: ImageSet, synthesiser: DefectSynthesiser) -> Samples:
        train = self.config.train
        return Samples(
            images.crops,
            synthesiser,
            batch=train.batch,
            seed=self.seed,
            drop_last=train.drop_last,
            regions=images.regions,
            rank=self.group.rank,
            size=self.group.size,
        )

    def _live(self, device: Device, samples: Samples) -> tuple[Recipe, bool]:
        """The recipe that is trained, on the device; whether the channels of its pixels lie side by side."""
        wanted = self.config.train.channels_last
        channels_last = device.likes_channels_last(self.config.model) if wanted is None else wanted
        recipe = self._fresh(device, channels_last=channels_last)
        if self.config.train.compile:
            self.reporter.phase("preparing", "Compiling the networks")
            batch = to_device(samples.make(Place(), samples.order(0)), device.device, channels_last=channels_last)
            problem = compile_networks(recipe, batch, device)
            if problem:
                self.reporter.warn("compile", f"The networks could not be compiled and run as they are: {problem}.")
                recipe = self._fresh(device, channels_last=channels_last)
        return recipe, channels_last

    def _fresh(self, device: Device, *, channels_last: bool) -> Recipe:
        torch.manual_seed(self.seed)
        recipe = self.builder(self.config)
        device.place(recipe.model, channels_last=channels_last)
        return recipe

    def _load(self, rows: list[ManifestRow], cache: ImageCache) -> ImageSet:
        """Decode `rows` once; unreadable ones are named and left out. Raises `StopAsked` while nothing is learnt."""
        preprocessor = Preprocessor(self.config.preprocess)
        learnt = self.spec.resume and (self.folder / LAST).exists()

        def progress(done: int) -> None:
            self.reporter.progress(done, len(rows))
            self.look_up()
            if self.control.stops and not learnt:
                raise StopAsked

        regions = Regions.read(self.folder)
        loaded = load_rows(rows, preprocessor, self.window, regions, threads=reading_threads(self.config.train.threads))
        inside = None if regions is None else ImageCache(cache.path.with_suffix(".roi.u8"), limit=cache.limit)
        images = load_images(loaded, cache=cache, regions=inside, progress=progress)
        self._name_unreadable(images.unreadable)
        return images

    def _tuning(self, rows: list[ManifestRow], training: ImageSet) -> ImageSet:
        good = [row for row in rows if row.split == "tuning" and row.label == "good"]
        images = self._load(good, ImageCache(self.folder / "cache" / "tuning.u8", limit=2**31))
        if len(images):
            return images
        self.reporter.warn(
            "no_tuning", "No good tuning images: progress is judged on training images, which is optimistic."
        )
        return training

    def _synthesiser(self, images: ImageSet, device: Device) -> DefectSynthesiser:
        simulate, size = self.config.simulate, self.config.preprocess.size
        textures = TextureSource(
            simulate.textures,
            size,
            own=list(images.crops),
            unreadable=lambda error: self.reporter.warn("texture", f"Left out: {error.what}.", path=error.path),
        )
        return DefectSynthesiser(simulate, self.config.augment, size, textures, outlines_on(device.device))

    def _name_unreadable(self, images: Iterable[Loaded], *, named: int = 0) -> None:
        for number, image in enumerate(images, named):
            if number > _NAMED:
                return
            if number == _NAMED:
                self.reporter.warn("image", "More images cannot be read; those to be scored are all in the scores.")
                return
            self.reporter.warn("image", f"This image was left out: {image.problem}.", path=image.row.path)

    def _afterwards(self, judge: Judge, images: ImageSet, count: int, device: Device) -> float:
        """Seconds for what follows the last judgement: reading and scoring `count` images, writing their maps."""
        probe = to_input(images.crops[: min(_MEASURED, len(images))]).to(device.device)
        predictor = self._predictor(judge)
        predictor.predict(probe[:1])
        began = time.monotonic()
        predictor.predict(probe)
        device.synchronize()
        crop = (time.monotonic() - began) / len(probe)
        crops = len(images) / len(set(images.ids))  # an image: cells, tiles
        measuring = proposing.seconds(crop, self.config.train.minutes)
        scoring = count * (crops * (_SECOND_PASS * crop + _MAP_S) + images.seconds)
        return measuring + scoring / self.group.size

    def _predictor(self, judge: Judge) -> Predictor:
        return Predictor(
            judge.model,
            progressive=self.config.progressive,
            score=self.config.score,
            size=self.config.preprocess.size,
        )

    def _score(self, model: Detector, rows: list[ManifestRow], out: Path, device: Device, source: str) -> Summary:
        wanted = self.spec.score
        path = self.training_folder / source
        scorer, record = self._scorer(model, out, device, path)
        progressive = self._progressive()
        write_settings(out, wanted.scoring, progressive, path, record)
        enough = 2 if self.spec.command == "train" else 1
        began = time.monotonic()

        def progress(done: int) -> None:
            self.reporter.progress(done, len(rows))
            self.reporter.expect(time.time() + (time.monotonic() - began) / done * (len(rows) - done))

        def keep_going() -> bool:
            self.look_up()
            while self.control.paused and not self.control.wait_while_paused(0.2):
                pass
            return self.control.stops < enough

        self.reporter.phase("scoring", "Scoring the images", total=len(rows))
        self.look_up()
        if not keep_going():
            return Summary(0, 0, complete=False)
        counted = itertools.count()
        return scorer.run(
            rows,
            progress=progress,
            keep_going=keep_going,
            unreadable=lambda image: self._name_unreadable([image], named=next(counted)),
            order={"out": str(out), "weights": str(path)},
        )

    def _propose_passes(self, trainer: Trainer, device: Device, images: int) -> None:
        """Put number of passes and gate that tuning images propose into `model.json`; a second stop leaves it out."""

        def look_up() -> None:
            self.look_up()
            if self.control.stops > 1:
                raise StopAsked

        with contextlib.suppress(StopAsked):
            look_up()
            proposal = proposing.propose_passes(
                self._predictor(trainer.judge),
                trainer.judge.tuning,
                device=device,
                minutes=self.config.train.minutes,
                images=images,
                inside_roi=self.config.score.inside_roi,
                look_up=look_up,
            )
            if proposal is not None:
                self._write_model(trainer, device, proposal)

    def _help_scoring(self, order: dict[str, Any], device: Device) -> None:
        """This process's share of a scoring that the first one ordered."""
        model = self.builder(self.config).model.to(device.device)
        scorer, _ = self._scorer(model, Path(order["out"]), device, Path(order["weights"]))
        self.reporter.phase("scoring", "Scoring the images")
        todo = set(order["todo"])
        scorer.help([row for row in self.job.manifest() if row.id in todo])

    def _progressive(self) -> ProgressiveConfig:
        wanted = self.spec.score
        asked = {"n": wanted.passes, "gate": wanted.gate, "taps": wanted.taps, "score_from": wanted.score_from}
        return self.config.progressive.model_copy(update={k: v for k, v in asked.items() if v is not None})

    def _scorer(self, model: Detector, out: Path, device: Device, weights: Path) -> tuple[Scorer, dict[str, Any]]:
        """`model` with the judged weights of a checkpoint, ready to score into `out`; the checkpoint's record."""
        wanted, config = self.spec.score, self.config
        tensors, record = checkpoint.load(weights)
        model.load_state_dict(checkpoint.without_prefix("average", tensors))
        size = config.preprocess.size
        scorer = Scorer(
            Predictor(model, progressive=self._progressive(), score=config.score, size=size),
            Preprocessor(config.preprocess),
            out,
            window=self.window,
            device=device.device,
            batch=wanted.batch or config.eval.batch,
            threads=reading_threads(config.train.threads),
            heatmaps=wanted.heatmaps,
            regions=Regions.read(self.folder) if config.score.inside_roi else None,
            group=self.group,
        )
        return scorer, record

    def _write_model(self, trainer: Trainer, device: Device, proposal: PassesProposal | None = None) -> None:
        record = {
            "schema": 1,
            "run": self.spec.run,
            "product": self.spec.product,
            "view": self.spec.view,
            "config": self.config.model_dump(mode="json"),
            "window": self.spec.window,
            "weights": BEST,
            "step": trainer.progress.best_step or trainer.progress.step,
            "epochs": trainer.progress.place.epoch,
            "tuning_loss": trainer.progress.best,
            "identity": trainer.identity,
            "framework": device.framework,
            "computing_on": device.name,
            "nondeterministic": list(device.nondeterministic),
            "proposal": None if proposal is None else proposal.model_dump(mode="json"),
        }
        atomic_write(self.folder / "model.json", json.dumps(record, indent=1, ensure_ascii=False))

    def _done(self, end: str, trainer: Trainer, summary: Summary) -> Done:
        return Done(
            outcome="finished" if end == "finished" and summary.complete else "stopped",
            step=trainer.progress.step,
            epoch=trainer.progress.place.epoch,
            seconds=self.reporter.elapsed,
            weights=BEST if trainer.progress.step else "",
            scores=f"scores/{self.spec.score.scoring}" if summary.complete else "",
            scored=summary.scored,
            unreadable=summary.unreadable,
            memory=self.reporter.peak_memory,
        )

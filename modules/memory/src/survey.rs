//! The first look at a process, at its list of regions: libraries, signs, lengths.

use crate::anomaly;
use crate::code::Comparison;
use crate::feed::Interrupt;
use crate::finding::Anomaly;
use crate::layout::{Runs, is_in_memory};
use crate::os::{NoFile, OpenFiles, Target};
use crate::params::AnomalyKind;
use crate::region::{Kind, Region};
use crate::shared::Looking;
use crate::trial::Trial;
use gumshoe_process::{Process, ProcessError};

/// Regions between two looks at whether the operation ends.
const REGIONS_PER_LOOK: usize = 256;

/// What a thread keeps for surveys.
#[derive(Debug, Default)]
pub struct Surveyor {
    runs: Runs,
    comparison: Comparison,
    last_name: Vec<u8>,
}

/// Why a survey did not come to its end.
#[derive(Debug)]
pub enum SurveyEnd {
    /// The regions cannot be listed.
    Unlisted(ProcessError),
    /// The process or the operation ended.
    Interrupted(Interrupt),
}

impl From<Interrupt> for SurveyEnd {
    fn from(interrupt: Interrupt) -> Self {
        SurveyEnd::Interrupted(interrupt)
    }
}

impl Surveyor {
    /// Looks at all regions of `target` for all `trials`.
    ///
    /// # Errors
    ///
    /// [`SurveyEnd`].
    pub fn survey(
        &mut self,
        process: &Process,
        target: &mut Target,
        files: &mut OpenFiles,
        trials: &mut [Trial<'_>],
        looking: &mut Looking<'_, '_>,
    ) -> Result<(), SurveyEnd> {
        self.runs.reset();
        self.last_name.clear();
        let wants = |kind| trials.iter().any(|trial| trial.wants(kind));
        let compares = wants(AnomalyKind::ModifiedCode);
        let entry = if wants(AnomalyKind::ExeMismatch) {
            target.entry_point()
        } else {
            None
        };
        let mut entry_region = None;
        for (index, region) in target.regions().map_err(SurveyEnd::Unlisted)?.enumerate() {
            if index % REGIONS_PER_LOOK == 0 && looking.engine.is_stopped() {
                return Err(Interrupt::Stopped.into());
            }
            self.region(&region, trials);
            if compares && let Some(anomaly) = self.compare(&region, target, files, looking)? {
                trials.iter_mut().for_each(|trial| trial.anomaly(&anomaly));
            }
            if entry.is_some_and(|entry| (region.start..region.end).contains(&entry)) {
                entry_region = Some(region);
            }
        }
        let program = target.program();
        let by_entry = entry
            .zip(program)
            .and_then(|(entry, (key, _))| anomaly::of_entry(entry, entry_region.as_ref(), key, target));
        let by_file = anomaly::of_program(process, program.map(|(_, names)| names));
        for anomaly in by_entry.iter().chain(&by_file) {
            trials.iter_mut().for_each(|trial| trial.anomaly(anomaly));
        }
        Ok(())
    }

    fn region(&mut self, region: &Region, trials: &mut [Trial<'_>]) {
        let is_new_file = self.last_name != region.name;
        if is_new_file {
            self.last_name.clone_from(&region.name);
        }
        for kind in anomaly::of_region(region) {
            let anomaly = Anomaly::of_region(kind, region, region.start, region.len());
            trials.iter_mut().for_each(|trial| trial.anomaly(&anomaly));
        }
        trials
            .iter_mut()
            .for_each(|trial| trial.region(region, is_new_file));
    }

    /// Compares the code in `region` with its file, where the process has pages of its own.
    fn compare(
        &mut self,
        region: &Region,
        target: &mut Target,
        files: &mut OpenFiles,
        looking: &mut Looking<'_, '_>,
    ) -> Result<Option<Anomaly>, Interrupt> {
        if !region.perms.exec || region.perms.shared || region.kind() != Kind::File {
            return Ok(None);
        }
        self.comparison.begin();
        let mut range = region.start..region.end;
        let mut mapped = None;
        while let Ok(Some(run)) = self.runs.next(target, &range) {
            range.start = run.range.end;
            if !is_in_memory(&run) {
                looking.unread(
                    "code that was not compared: swapped out",
                    run.range.start,
                    run.range.end - run.range.start,
                );
                continue;
            }
            let file = match &mapped {
                Some(file) => file,
                None => match target.mapped(region, files) {
                    Ok(file) => mapped.insert(file),
                    Err(NoFile::Device) => return Ok(None),
                    Err(_) => {
                        looking.notes.file(
                            &region.name,
                            "code that was not compared: the file cannot be read",
                            region.len(),
                        );
                        return Ok(None);
                    }
                },
            };
            self.comparison.run(&run, region, file, target, looking.engine)?;
        }
        Ok(self.comparison.finish(region))
    }
}

//! What commands work with: configuration, server, key, agent program.

use crate::api::{Origin, Server};
use crate::cli::{Global, SigningOptions};
use crate::config::{Config, Tokens, folder};
use crate::exit::usage;
use crate::modules::AgentProgram;
use crate::signing::{Gpg, GpgError};
use anyhow::Context as _;
use std::path::{Path, PathBuf};

/// The variable with a token for programs that have no file of tokens.
const TOKEN_VARIABLE: &str = "GUMSHOE_TOKEN";

/// The configuration, and what the command line says instead.
pub struct Setting {
    /// From the command line and the environment.
    pub global: Global,
    config: Config,
}

impl Setting {
    /// Reads the configuration.
    pub fn load(global: Global) -> anyhow::Result<Self> {
        let config = match &global.config {
            Some(path) => Config::read(path)?,
            None => Config::read_default()?,
        };
        Ok(Self { global, config })
    }

    /// How long actions are valid, where the configuration says so.
    pub fn expires(&self) -> Option<gumshoe_protocol::units::Duration> {
        self.config.expires
    }

    /// The agent's program.
    pub fn agent(&self) -> AgentProgram {
        let variable = std::env::var_os("GUMSHOE_AGENT").map(PathBuf::from);
        AgentProgram::find(variable.as_deref().or(self.config.agent.as_deref()))
    }

    /// `gpg`, with the key that was chosen.
    pub fn gpg(&self, signing: &SigningOptions) -> Result<Gpg, GpgError> {
        let program = self.config.gpg.as_deref();
        match &signing.key_file {
            Some(file) => Gpg::with_key_file(program, self.config.gpgconf.as_deref(), file),
            None => Ok(Gpg::own(
                program,
                signing.key.clone().or_else(|| self.config.key.clone()),
            )),
        }
    }

    /// Which server.
    pub fn origin(&self) -> anyhow::Result<Origin> {
        let text = self.global.server.as_ref().or(self.config.server.as_ref());
        let text = text.ok_or_else(|| {
            usage("which server? Name it with --server URL, GUMSHOE_SERVER, or `server = \"https://…\"` in config.toml (or ask this host alone with --local)")
        })?;
        text.parse().map_err(|error| usage(format!("{error}")))
    }

    /// The server, with the token that there is for it.
    pub fn server(&self) -> anyhow::Result<Server> {
        let origin = self.origin()?;
        let token = self.token(&origin)?;
        self.server_with(origin, token)
    }

    /// The server, with a certain token or none.
    pub fn server_with(&self, origin: Origin, token: Option<String>) -> anyhow::Result<Server> {
        let ca = self.global.ca.as_deref().or(self.config.ca.as_deref());
        Ok(Server::new(origin, ca, token)?)
    }

    fn token(&self, origin: &Origin) -> anyhow::Result<Option<String>> {
        if let Some(token) = std::env::var_os(TOKEN_VARIABLE).filter(|token| !token.is_empty()) {
            let token = token
                .into_string()
                .ok()
                .filter(|token| token.chars().all(|c| c.is_ascii_graphic()));
            return token
                .map(Some)
                .ok_or_else(|| usage(format!("{TOKEN_VARIABLE} holds no token")));
        }
        let Ok(folder) = folder() else {
            return Ok(None);
        };
        let tokens = Tokens::read(&folder)?;
        Ok(tokens.get(&origin.to_string()).map(|stored| stored.token.clone()))
    }

    /// The file of tokens.
    pub fn tokens(&self) -> anyhow::Result<Tokens> {
        Ok(Tokens::read(&folder()?)?)
    }
}

/// Text of a file, with a limit.
pub fn read_text(path: &Path, most: u64) -> anyhow::Result<String> {
    use std::io::Read as _;
    let source: Box<dyn std::io::Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).with_context(|| format!("failed to open `{}`", path.display()))?)
    };
    let mut text = String::new();
    source
        .take(most + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("failed to read `{}`", path.display()))?;
    anyhow::ensure!(
        text.len() as u64 <= most,
        "`{}` has more than {most} bytes",
        path.display()
    );
    Ok(text)
}
